"""In ipip a backend unpacks the tunnel itself and answers the client directly: the client's source is seen, the answer does
not pass the appliance, and the shares are as weighted. Over both families and all kinds of device."""
import pytest

from lab.site import CLIENT_HOST, WAN
from lab.standard import ECHO, WEB, Standard

CONNECTIONS = 6000  # as in test_shares


@pytest.fixture(scope="module")
def standard(any_device):
    with Standard("ipip", any_device, weights=[2, 1, 1]) as running:
        yield running


@pytest.mark.parametrize("family", [4, 6])
def test_connections_follow_the_weights(standard, family):
    result = standard.connect(CONNECTIONS, address=WEB[family])
    assert result["failed"] == 0, result
    assert abs(result["backends"]["b1"] / CONNECTIONS - 0.5) < 0.03
    assert set(result["backends"]) == {"b1", "b2", "b3"}


@pytest.mark.parametrize("family", [4, 6])
def test_answers_go_directly_to_the_client(standard, family):
    client = standard.site.client
    direct, wan = client.rx_packets("direct"), client.rx_packets("wan")
    unpacked = sum(decap.received() for decap in standard.decap.values())
    result = standard.connect(200, address=WEB[family])
    assert result["failed"] == 0
    assert client.rx_packets("direct") - direct >= 600, "the answers did not come over the direct way"
    assert client.rx_packets("wan") - wan < 100, "answers came through the appliance"
    assert sum(decap.received() for decap in standard.decap.values()) - unpacked >= 800


@pytest.mark.parametrize("family", [4, 6])
def test_a_udp_server_sees_the_client(standard, family):
    result = standard.load("udp", "udp", ECHO[family], 53, "--datagrams", 300).finish()
    assert result["failed"] == 0, result
    assert result["sources"] == [WAN.address(CLIENT_HOST, family)]
    assert set(result["backends"]) == {"b1", "b2", "b3"}


@pytest.mark.parametrize("family", [4, 6])
def test_one_tuple_goes_to_one_backend(standard, family):
    result = standard.load("udp", "udp", ECHO[family], 53, "--datagrams", 200, "--same-port").finish()
    assert result["failed"] == 0 and len(result["backends"]) == 1


def test_bodies_arrive_byte_by_byte(standard):
    hold = standard.load("hold", "hold", WEB[4], 80, "--connections", 6, "--path", "/big", "--seconds", 3, "--timeout", 30,
                         "--sha256", standard.nginx["b1"].big_sha256).finish()
    assert hold["failed"] == hold["corrupt"] == hold["moved"] == 0, hold


def test_families_mix_in_the_tunnel(standard):
    """An IPv4 service over backends that are reached by IPv6, and the other way round."""
    pools = {p["name"]: p["backends"] for p in standard.document["pools"]}
    standard.pool("web")["backends"], standard.pool("web6")["backends"] = pools["web6"], pools["web"]
    try:
        standard.reload()
        standard.cardea.until_backends("up")
        for address in WEB.values():
            result = standard.connect(200, address=address)
            assert result["failed"] == 0 and len(result["backends"]) == 3, result
    finally:
        standard.pool("web")["backends"], standard.pool("web6")["backends"] = pools["web"], pools["web6"]
        standard.reload()
