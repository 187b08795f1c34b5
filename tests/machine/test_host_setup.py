"""cardea-host-setup on a host with cards: it refuses what would cut the host off, says what it would do, does it, stays over a reboot,
and takes all of it back."""
import pytest
from lab import debs
from lab.card_site import HUGEPAGES_MB, CardHost
from lab.namespace import CommandFailed

PAGES = HUGEPAGES_MB // 2


@pytest.fixture(scope="module")
def host():
    with CardHost() as there:
        there.install(debs.installed(there.debs))
        there.addresses = {card.name: there.guest.pci_address(card) for card in there.site.cards}
        yield there


def driver(host, name):
    return host.guest.run("readlink", f"/sys/bus/pci/devices/{host.addresses[name]}/driver").stdout.strip().rpartition("/")[2]


def facts(host):
    """What it may change, as it is."""
    return host.guest.run("sh", "-c", "sysctl -a 2>/dev/null | grep -E '^(vm.nr_hugepages|net.*gc_thresh|net.core.somaxconn|"
                                      "net.ipv4.tcp_max_syn_backlog|kernel.numa_balancing) '; ls -R /etc/sysctl.d /etc/driverctl.d "
                                      "/etc/modules-load.d; ls -l /sys/bus/pci/devices/*/driver").stdout


def test_the_card_of_the_default_route_is_refused(host):
    interface = host.guest.run("sh", "-c", f"ls /sys/bus/pci/devices/{host.addresses['wan']}/net").stdout.strip()
    host.guest.run("sh", "-c", f"ip addr add 192.0.2.1/24 dev {interface} && ip link set {interface} up && "
                               "ip route add default via 192.0.2.10")
    try:
        with pytest.raises(CommandFailed, match="would cut you off"):
            host.guest.run("cardea-host-setup", "--hugepages", 0, "--nic", host.addresses["wan"])
        assert driver(host, "wan") == "e1000e"
    finally:
        host.guest.run("sh", "-c", f"ip addr flush dev {interface}; ip link set {interface} down")


def test_what_it_does_stays_over_a_reboot_and_is_taken_back(host):
    before = facts(host)
    nics = [word for address in host.addresses.values() for word in ("--nic", address)]
    planned = host.guest.run("cardea-host-setup", "--dry-run", "--hugepages", HUGEPAGES_MB, *nics).stdout
    assert f"would give {host.addresses['lan']} from e1000e to vfio-pci" in planned and facts(host) == before, "a plan changes nothing"

    host.guest.run("cardea-host-setup", "--hugepages", HUGEPAGES_MB, *nics, timeout=120)
    done = facts(host)
    assert f"vm.nr_hugepages = {PAGES}" in done and driver(host, "wan") == driver(host, "lan") == "vfio-pci"
    host.guest.reboot()
    assert facts(host) == done, "the same after a reboot"

    host.guest.run("cardea-host-setup", "--undo", timeout=120)
    assert facts(host) == before
    host.guest.reboot()
    assert facts(host) == before, "and no trace of it after the next"
