"""What happens to a port's device: its link goes and comes, and it is taken away and put back."""
import json

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


def doctor(standard, *words, exit_code=0):
    done = standard.cardea.run("doctor", "--config", standard.cardea.file, "--json", *words, check=False)
    assert done.returncode == exit_code, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_doctor_sees_what_is_wrong_with_a_ports_interface(standard):
    told = doctor(standard)
    assert [row["interface"]["name"] for row in told["ports"]] == ["nic-wan", "nic-lan"]
    assert not [row for row in told["findings"] if row["about"] != "host"]
    try:
        standard.site.lb.ip("link set nic-wan mtu 1400")
        (found,) = [row for row in doctor(standard, "--port", "wan", exit_code=1)["findings"] if row["about"] == "wan"]
        assert found["level"] == "error" and "MTU of 1400" in found["message"]
        standard.site.lb.run(*found["mend"].split())
        assert not [row for row in doctor(standard)["findings"] if row["about"] == "wan"], "its own advice mends it"
    finally:
        standard.site.lb.ip("link set nic-wan mtu 1500")


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
