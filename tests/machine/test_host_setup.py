"""cardea-host-setup on a host with cards: it refuses what would cut the host off."""
import pytest
from lab import debs
from lab.card_site import CardHost
from lab.namespace import CommandFailed


@pytest.fixture(scope="module")
def host():
    with CardHost() as there:
        there.install(debs.installed(there.debs))
        there.addresses = {card.name: there.guest.pci_address(card) for card in there.site.cards}
        yield there


def driver(host, name):
    return host.guest.run("readlink", f"/sys/bus/pci/devices/{host.addresses[name]}/driver").stdout.strip().rpartition("/")[2]


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
