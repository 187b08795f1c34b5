"""UDP datagrams larger than the MTU, which their senders' kernels cut: through fullnat both ways, and through tunnels, where
the outer header makes even a fragment too big and the tunnel's packet is cut again. Both families, all kinds of device, one
worker and two."""
import itertools

import pytest

from lab.site import CLIENT_HOST, WAN
from lab.standard import ECHO, Standard
from lab.stats import dataplane_total

WAYS = list(itertools.product(["fullnat", "ipip"], [[1], [0, 1]]))


@pytest.fixture(scope="module", params=WAYS, ids=[f"{way}-{len(workers)}" for way, workers in WAYS])
def standard(request, any_device):
    way, workers = request.param
    with Standard(way, any_device, workers=workers) as running:
        yield running


def echo(standard, family, size, datagrams=60):
    """Concurrency is bounded so that no receive buffer has to hold more than the answers of four clients."""
    return standard.load("udp", "udp", ECHO[family], 53, "--datagrams", datagrams, "--size", size, "--concurrency", 4).finish()


@pytest.mark.parametrize("family", [4, 6])
def test_datagrams_in_fragments_reach_their_backend_and_come_back(standard, family):
    if standard.forward == "ipip":  # an IPv6 sender learns the tunnel's MTU by its first packet too big
        standard.load("udp", "udp", ECHO[family], 53, "--datagrams", 4, "--size", 4000, "--timeout", 1).finish()
    before = dataplane_total(standard.site, "cardea_fragments_joined_total")
    result = echo(standard, family, 4000)
    assert result["failed"] == 0, result
    assert set(result["backends"]) == {"b1", "b2", "b3"}
    if standard.forward == "ipip":
        assert result["sources"] == [WAN.address(CLIENT_HOST, family)]
    directions = 2 if standard.forward == "fullnat" else 1
    joined = dataplane_total(standard.site, "cardea_fragments_joined_total") - before
    assert joined >= 60 * 3 * directions, "three fragments a datagram"


def test_a_tunnel_cuts_what_its_header_makes_too_big_and_nothing_else_is_cut(standard):
    before = dataplane_total(standard.site, "cardea_fragments_made_total")
    assert echo(standard, 4, 4000)["failed"] == 0
    made = dataplane_total(standard.site, "cardea_fragments_made_total") - before
    assert made >= 60 * 2 if standard.forward == "ipip" else made == 0
