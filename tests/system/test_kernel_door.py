"""What is not for a service is the kernel's: it answers ARP, neighbour discovery and ping for the ports' and the services'
addresses, on both kinds of device, and tools that operators know work on the TAP."""
import pytest

from lab import packets
from lab.site import LAN, LB_HOST, WAN
from lab.standard import WEB, Standard
from lab.wait import until


@pytest.fixture(scope="module")
def standard(device):
    with Standard(device=device, backends=1) as running:
        yield running


@pytest.mark.parametrize("family", [4, 6])
def test_addresses_answer_ping(standard, family):
    for address in (WAN.address(LB_HOST, family), WEB[family]):
        done = standard.site.client.run("ping", "-c", "3", "-i", "0.2", "-W", "2", address, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("family", [4, 6])
def test_neighbours_resolve_the_ports(standard, family):
    wan = packets.neighbour(standard.site.client, WAN.address(LB_HOST, family))
    lan = packets.neighbour(standard.site.backends[0].namespace, LAN.address(LB_HOST, family))
    assert wan == packets.hardware_address(standard.site.lb, "wan")
    assert lan == packets.hardware_address(standard.site.lb, "lan")


def test_an_interface_that_was_given_another_mac_has_its_own_again_and_says_so(standard):
    """As udev does to interfaces that it finds new."""
    site, port = standard.site, WAN.address(LB_HOST, 4)
    own, anothers = packets.hardware_address(site.lb, "wan"), "02:00:00:00:09:09"
    site.client.ip(f"neigh replace {port} dev wan lladdr {anothers} nud stale")
    site.lb.ip(f"link set wan address {anothers}")
    until(lambda: packets.hardware_address(site.lb, "wan") == own, 5, "the interface has the port's MAC address")
    until(lambda: f"lladdr {own}" in site.client.run("ip", "neigh", "show", "to", port).stdout, 5, "neighbours were told")
    assert standard.connect(5)["failed"] == 0


def test_a_port_nobody_serves_is_refused_by_the_kernel(standard):
    result = standard.connect(1, address=WAN.address(LB_HOST, 4), port=4242)
    assert result["failures"] == {"Connection refused": 1}


def test_programs_on_the_host_reach_out_through_the_ports(standard):
    url = f"http://{standard.backend_address('b1')}/"
    assert standard.site.lb.run("curl", "-sS", "--max-time", "3", url).stdout == "b1\n"


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("size", [2100, 4000, 20000])
def test_datagrams_larger_than_a_frame_reach_the_host_and_come_back(standard, family, size):
    """In fragments, which the host puts together: nobody on the way may."""
    done = standard.site.client.run("ping", "-c", "3", "-i", "0.2", "-W", "5", "-s", size, WAN.address(LB_HOST, family), check=False)
    assert done.returncode == 0, done.stdout


def test_a_port_carries_packets_of_the_mtu_that_it_was_given():
    def jumbo(document):
        document["dataplane"]["ports"][0]["mtu"] = 9000
    with Standard(backends=1, families=(4,), change=jumbo) as standard:
        standard.site.client.ip("link set wan mtu 9000")
        whole = ["ping", "-c", "3", "-i", "0.2", "-W", "5", "-M", "do", WAN.address(LB_HOST, 4), "-s"]
        assert standard.site.client.run(*whole, 9000 - 28, check=False).returncode == 0
        assert standard.site.lb.run("cat", "/sys/class/net/wan/mtu").stdout.strip() == "9000"
        result = standard.connect(20, "--path", "/big")
        assert result["failed"] == 0, result
