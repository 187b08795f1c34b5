"""Hosts on virtual networks leave checksums to a NIC that is not there: what they send works all the same, through fullnat
both ways and to the host's own kernel, there over a VLAN interface on the TAP as well."""
import hashlib

import pytest

from lab.alone import HERE, Alone
from lab.namespace import CommandFailed
from lab.standard import ECHO, WEB, Standard
from lab.stats import dataplane_total

VLAN = {"lb": "198.18.5.1", "client": "198.18.5.2"}


def leave_checksums_to_the_nic(*ends):
    for namespace, interface in ends:
        namespace.run("ethtool", "-K", interface, "tx", "on")


@pytest.fixture(scope="module")
def standard(device):
    with Standard("fullnat", device) as running:
        leave_checksums_to_the_nic((running.site.client, "wan"), *((b.namespace, "lan") for b in running.site.backends))
        yield running


@pytest.mark.parametrize("family", [4, 6])
def test_services_work_both_ways(standard, family):
    before = dataplane_total(standard.site, "cardea_checksums_finished_total")
    result = standard.connect(60, address=WEB[family])
    assert result["failed"] == 0, result
    result = standard.load("udp", "udp", ECHO[family], 53, "--datagrams", 60).finish()
    assert result["failed"] == 0, result
    assert dataplane_total(standard.site, "cardea_checksums_finished_total") - before > 300


@pytest.fixture(scope="module")
def alone(device):
    with Alone(device, [0]) as running:
        leave_checksums_to_the_nic((running.site.client, "wan"))
        yield running


@pytest.fixture(scope="module")
def vlan(alone):
    for namespace, end in ((alone.site.lb, "lb"), (alone.site.client, "client")):
        try:
            namespace.ip("link add link wan name wan.5 type vlan id 5")
        except CommandFailed as error:
            if "Unknown device type" in str(error):
                pytest.skip("this kernel has no VLAN interfaces")
            raise
        namespace.ip(f"addr add {VLAN[end]}/24 dev wan.5", "link set wan.5 up")


def digest(alone, address):
    got = alone.site.run.path / "got"
    alone.site.client.run("curl", "-sS", "--max-time", "20", "-o", got, f"http://{address}/big", timeout=30)
    return hashlib.sha256(got.read_bytes()).hexdigest()


def test_the_hosts_own_server_answers(alone):
    assert digest(alone, HERE[4]) == alone.here.big_sha256


@pytest.mark.usefixtures("vlan")
def test_it_answers_over_a_vlan_interface_on_the_tap(alone):
    assert digest(alone, VLAN["lb"]) == alone.here.big_sha256
