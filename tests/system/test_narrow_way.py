"""A router between load balancer and backend whose next way carries 1300 bytes: what it says about our tunnels' packets makes the
tunnel narrower, clients are told, and large transfers get through in both directions. Both families, inside and outside."""
import contextlib
import itertools
import re

import pytest

from lab import configuration
from lab.decap import Decap
from lab.namespace import Namespace
from lab.site import DIRECT_HOST, FAMILIES, LAN, SERVICES, WAN, Network, endpoint
from lab.standard import Standard
from lab.stats import dataplane_total
from lab.two_way import PORT, Listener, call_and_wait
from lab.wait import until

FAR = Network("far", "10.9.0", "fd00:9::")
ROUTER_HOST, FAR_HOST = 200, 2
NARROW, SIZE = 1300, 8 << 20
OUTER, IPV6_MTU_MIN = {4: 20, 6: 40}, 1280
PAIRS = list(itertools.product(FAMILIES, FAMILIES))


def service_address(inner, outer):
    return SERVICES.address(60 + outer, inner)


class Far:
    """A backend behind a router whose way to it is narrow. What it sends itself has room, so that its SYN-ACKs warn nobody."""

    name = "far"

    def __init__(self, site):
        self.site = site
        self.router, self.namespace = Namespace(f"{site.run.prefix}-router"), Namespace(f"{site.run.prefix}-far")

    def address(self, family=4):
        return FAR.address(FAR_HOST, family)

    def build(self):
        for namespace in (self.router, self.namespace):
            namespace.create()
        self.router.sysctl({"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1})
        self.site._plug(self.router, "lan", "router")
        self.site._veth(self.router, "far", self.namespace, "lan")
        for family in FAMILIES:
            nodad = "nodad" if family == 6 else ""
            self.router.ip(f"addr add {LAN.with_length(ROUTER_HOST, family)} dev lan {nodad}",
                           f"addr add {FAR.with_length(1, family)} dev far {nodad}",
                           f"route add {self.address(family)} dev far mtu lock {NARROW}",
                           f"route add {WAN.prefix(family)} via {LAN.address(DIRECT_HOST, family)}")
            self.namespace.ip(f"addr add {FAR.with_length(FAR_HOST, family)} dev lan {nodad}",
                              f"route add default via {FAR.address(1, family)}")
            self.site.lb.ip(f"route add {FAR.prefix(family)} via {LAN.address(ROUTER_HOST, family)} dev lan")

    def refused_by_the_router(self):
        """Packets that it found too big for its narrow link, of both families."""
        rows = [line.split() for line in self.router.run("cat", "/proc/net/snmp").stdout.splitlines() if line.startswith("Ip:")]
        six = dict(line.split() for line in self.router.run("cat", "/proc/net/snmp6").stdout.splitlines())
        return int(rows[1][rows[0].index("FragFails")]) + int(six["Ip6InTooBigErrors"])


@pytest.fixture(scope="module")
def standard(device):
    with Standard("ipip", device, backends=1) as running, contextlib.ExitStack() as stack:
        running.far = Far(running.site)
        running.far.build()
        stack.callback(Decap(running.site, running.far, [service_address(*pair) for pair in PAIRS]).start().stop)
        stack.callback(Listener(running.site, running.far).start().process.stop)
        for inner, outer in PAIRS:
            name = f"far{inner}{outer}"
            running.document["pools"].append(configuration.pool(name, [running.far], PORT, None, outer, {"type": "tcp"}))
            running.document["services"].append(
                configuration.service(name, [endpoint(service_address(inner, outer), PORT) + "/tcp"], name, "ipip"))
        running.reload()
        running.cardea.until_backends("up")
        yield running


def refused_during(standard, inner, outer):
    """By the router, while bytes go both ways: how many packets were too big for it."""
    before = standard.far.refused_by_the_router()
    call_and_wait(standard.site, f"far{inner}{outer}", service_address(inner, outer), PORT, SIZE, seconds=120)
    return standard.far.refused_by_the_router() - before


def told_mtu(standard, address):
    """What the client was told of its way to the service; 0: nothing."""
    cached = re.search(r"expires \w+ mtu (\d+)", standard.site.client.run("ip", "route", "get", address).stdout)
    return int(cached[1]) if cached else 0


@pytest.mark.parametrize("outer", FAMILIES)
def test_large_transfers_get_through_and_the_router_refuses_the_first_packets_only(standard, outer):
    known = dataplane_total(standard.site, "cardea_path_mtus")
    assert refused_during(standard, 4, outer) > 0
    until(lambda: dataplane_total(standard.site, "cardea_path_mtus") == known + 1, 10, "the way is counted")
    cut = dataplane_total(standard.site, "cardea_fragments_made_total")
    assert refused_during(standard, 4, outer) == 0
    assert refused_during(standard, 6, outer) == 0, "what is known of the way holds for all that goes there"
    assert told_mtu(standard, service_address(4, outer)) == NARROW - OUTER[outer]
    assert told_mtu(standard, service_address(6, outer)) == IPV6_MTU_MIN
    until(lambda: (dataplane_total(standard.site, "cardea_fragments_made_total") > cut) == (NARROW - OUTER[outer] < IPV6_MTU_MIN), 10,
          "a tunnel too narrow for IPv6 cuts its packets, and no other one")
