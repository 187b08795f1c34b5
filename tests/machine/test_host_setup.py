"""cardea-host-setup on a host with cards: it refuses what would cut the host off, whatever stands between the card and the address
that the host is reached by; what it plans, does, keeps over a reboot and takes back."""
import pytest
from lab import debs
from lab.card_site import CardHost
from lab.namespace import CommandFailed

BOND = "modprobe bonding max_bonds=0; ip link add bond0 type bond mode active-backup; ip link set {card} master bond0; ip link set bond0 up"
VLAN = "modprobe 8021q; ip link set {below} up; ip link add link {below} name {below}.5 type vlan id 5; ip link set {below}.5 up"
BRIDGE = "ip link add br0 type bridge; ip link set {below} master br0; ip link set br0 up"
# What is laid over the card, and the interface that then has the default route.
WAYS = {
    "by_itself": ([], "{card}"),
    "in_a_bond": ([BOND], "bond0"),
    "under_a_vlan": ([VLAN.replace("{below}", "{card}")], "{card}.5"),
    "in_a_bond_under_a_vlan": ([BOND, VLAN.replace("{below}", "bond0")], "bond0.5"),
    "under_a_vlan_in_a_bridge": ([VLAN.replace("{below}", "{card}"), BRIDGE.replace("{below}", "{card}.5")], "br0"),
}
CLEAN = "for each in br0 {card}.5 bond0.5 bond0; do ip link del $each 2> /dev/null; done; ip addr flush dev {card}; ip link set {card} down"


@pytest.fixture(scope="module")
def host():
    with CardHost() as there:
        there.install(debs.installed(there.debs))
        there.addresses = {card.name: there.guest.pci_address(card) for card in there.site.cards}
        yield there


def driver(host, name):
    return host.guest.run("readlink", f"/sys/bus/pci/devices/{host.addresses[name]}/driver").stdout.strip().rpartition("/")[2]


def take(host, name):
    return host.guest.run("cardea-host-setup", "--hugepages", 0, "--nic", host.addresses[name])


@pytest.mark.parametrize("way", WAYS)
def test_the_card_of_the_default_route_is_refused(host, way):
    card = host.guest.run("sh", "-c", f"ls /sys/bus/pci/devices/{host.addresses['wan']}/net").stdout.strip()
    steps, top = WAYS[way]
    address = "ip addr add 192.0.2.1/24 dev TOP && ip link set TOP up && ip route add default via 192.0.2.10 dev TOP".replace("TOP", top)
    try:
        for step in [*steps, address]:
            host.guest.run("sh", "-c", "set -e; " + step.format(card=card))
        with pytest.raises(CommandFailed, match=f"{host.addresses['wan']} is {card}, .* would cut you off"):
            take(host, "wan")
        assert driver(host, "wan") == "e1000e"
    finally:
        host.guest.run("sh", "-c", CLEAN.format(card=card))


def test_the_card_of_a_session_is_refused(host):
    """Without a default route: who is logged in comes by it."""
    card = host.guest.run("sh", "-c", f"ls /sys/bus/pci/devices/{host.addresses['lan']}/net").stdout.strip()
    try:
        host.guest.run("sh", "-c", f"ip addr add 10.0.0.1/24 dev {card}; ip link set {card} up")
        with pytest.raises(CommandFailed, match=f"is {card}, .* would cut you off"):
            host.guest.run("env", "SSH_CONNECTION=10.0.0.11 50000 10.0.0.1 22", "cardea-host-setup", "--nic", host.addresses["lan"])
        assert driver(host, "lan") == "e1000e"
    finally:
        host.guest.run("sh", "-c", CLEAN.format(card=card))


def state(host):
    """All that it could have changed: every file and folder of /etc, the kernel's settings, the cards' drivers, its own record."""
    files = host.guest.run("sh", "-c", "find /etc /var/lib/cardea* -printf '%p %M %u %g %l\n' -type f -exec sha256sum {} + | sort").stdout
    kernel = host.guest.run("sh", "-c", "sysctl vm.nr_hugepages kernel.numa_balancing net.core.somaxconn net.ipv4.tcp_max_syn_backlog; "
                                        "sysctl -a --pattern gc_thresh", check=False).stdout
    return files.splitlines(), kernel.splitlines(), [driver(host, name) for name in host.addresses]


def set_up(host, *options):
    return host.guest.run("cardea-host-setup", *options, "--hugepages", 64, *(word for pci in host.addresses.values() for word in ("--nic", pci)))


def test_a_plan_changes_nothing(host):
    host.before = state(host)
    told = set_up(host, "--dry-run").stdout
    assert f"would give {host.addresses['wan']} from e1000e to vfio-pci" in told and "would set vm.nr_hugepages" in told
    assert state(host) == host.before


def test_behind_all_that_nothing_is_in_the_way_and_it_outlives_a_reboot(host):
    """So it was the default route, and not what earlier refusals left."""
    set_up(host)
    applied = state(host)
    assert applied != host.before and applied[2] == ["vfio-pci", "vfio-pci"] and "vm.nr_hugepages = 32" in applied[1]
    host.guest.reboot()
    assert state(host) == applied
    assert set_up(host).stdout.count("belongs to vfio-pci already") == 2 and state(host) == applied, "a second time it has nothing to do"


def test_undone_everything_is_as_before(host):
    host.guest.run("cardea-host-setup", "--undo")
    assert state(host) == host.before
