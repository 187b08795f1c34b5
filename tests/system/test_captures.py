"""What tcpdump shows on the two Linux interfaces of a port, as the README says."""
import pytest
from lab.alone import HERE, LOCAL, WEB, Alone
from lab.process import Process
from lab.wait import until

WIRE, TAP = "nic-wan", "wan"


class Capture:
    def __init__(self, site, interface):
        self.program = Process(site.run, f"tcpdump-{interface}", site.lb.command(
            "tcpdump", "-l", "-n", "--immediate-mode", "-i", interface))

    def start(self):
        self.program.start()
        until(lambda: "listening on" in self.program.tail(), 10, f"{self.program.name} listens")
        return self

    def shows(self, what):
        return what in self.program.log.read_text()


@pytest.fixture(scope="module")
def captures(device):
    """By interface: a request to a balanced service, one to a local service, and a ping to the host, answered all."""
    with Alone(device, [0]) as alone:
        both = {interface: Capture(alone.site, interface).start() for interface in (WIRE, TAP)}
        assert alone.get(WEB[4]) and alone.get(HERE[4])
        assert alone.site.client.run("ping", "-c", "1", "-W", "5", LOCAL[4], check=False).returncode == 0
        until(lambda: both[TAP].shows("ICMP echo reply"), 10, "tcpdump has written what it saw")
        yield both
        for capture in both.values():
            capture.program.stop()


def test_the_tap_shows_both_directions_of_what_is_the_kernels_and_nothing_of_balanced_services(captures):
    tap = captures[TAP]
    assert tap.shows(f"> {HERE[4]}.80:") and tap.shows(f"{HERE[4]}.80 >")
    assert tap.shows("ICMP echo request") and tap.shows("ICMP echo reply")
    assert not tap.shows(f"{WEB[4]}.80")


def test_the_wires_interface_shows_with_af_packet_what_comes_and_never_what_leaves(captures, device):
    wire, comes = captures[WIRE], device == "net_af_packet"
    for service in (WEB[4], HERE[4]):
        assert wire.shows(f"> {service}.80:") == comes
        assert not wire.shows(f"{service}.80 >")
    assert wire.shows("ICMP echo request") == comes
    assert not wire.shows("ICMP echo reply")
