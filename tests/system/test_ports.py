"""What happens to a port's device: its link goes and comes, and it is taken away and put back."""
import pytest

from lab.standard import Standard
from lab.wait import until


@pytest.fixture(scope="module")
def standard():
    with Standard(backends=1, families=(4,)) as running:
        yield running


def carrier(standard, tap):
    return standard.site.lb.run("cat", f"/sys/class/net/{tap}/carrier").stdout.strip()


def test_the_kernel_sees_a_ports_link_on_its_tap(standard):
    assert carrier(standard, "wan") == "1"
    standard.site.client.ip("link set wan down")
    until(lambda: carrier(standard, "wan") == "0", 5, "the TAP has lost its link too")
    assert carrier(standard, "lan") == "1"
    standard.site.client.ip("link set wan up", "route replace 203.0.113.0/24 via 192.0.2.1")
    until(lambda: carrier(standard, "wan") == "1", 5, "the TAP has its link again")
    assert standard.connect(20)["failed"] == 0


def test_a_device_that_was_replaced_is_opened_anew_by_the_next_start(standard):
    """The process ends with a sentence that says so, and systemd starts it."""
    dataplane = standard.cardea.dataplane
    standard.site.lb.ip("link del nic-lan")
    until(lambda: "port lan: link down" in dataplane.tail(5), 5, "the loss is logged")
    assert dataplane.alive()
    standard.site._plug(standard.site.lb, "nic-lan", "lb")
    assert dataplane.wait(10) == 1
    assert "port lan: its device net_af_packet,iface=nic-lan was replaced" in dataplane.tail(10)
    dataplane.start()
    standard.cardea.until_ready()
    standard.cardea.until_backends("up")
    assert standard.connect(20)["failed"] == 0
