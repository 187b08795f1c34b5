"""Clients reach L4 services in fullnat over both families and both kinds of device, in shares as weighted, and one 5-tuple
always goes to one backend."""
import pytest

from lab.site import endpoint
from lab.standard import ECHO, WEB, Standard

WEIGHTS = [3, 2, 1]
CONNECTIONS = 6000  # the hash spreads by chance: with so many a share's standard deviation is below 0.7 %
TOLERANCE = 0.03  # of all connections


@pytest.fixture(scope="module", params=[(1,), (0, 1)], ids=["one_worker", "two_workers"])
def standard(device, request):
    with Standard(device=device, weights=WEIGHTS, workers=request.param) as running:
        yield running


def assert_shares(counts, total):
    assert sum(counts.values()) == total
    for number, weight in enumerate(WEIGHTS, 1):
        assert abs(counts.get(f"b{number}", 0) / total - weight / sum(WEIGHTS)) < TOLERANCE, counts


@pytest.mark.parametrize("family", [4, 6])
def test_curl_reaches_the_service(standard, family):
    url = f"http://{endpoint(WEB[family], 80)}/"
    assert standard.site.client.run("curl", "-sS", "--max-time", "5", url).stdout in {"b1\n", "b2\n", "b3\n"}


@pytest.mark.parametrize("family", [4, 6])
def test_connections_follow_the_weights(standard, family):
    result = standard.connect(CONNECTIONS, address=WEB[family])
    assert result["failed"] == 0, result
    assert_shares(result["backends"], CONNECTIONS)


@pytest.mark.parametrize("family", [4, 6])
def test_datagrams_follow_the_weights(standard, family):
    result = standard.load("udp", "udp", ECHO[family], 53, "--datagrams", CONNECTIONS).finish()
    assert result["failed"] == 0, result
    assert_shares(result["backends"], CONNECTIONS)


@pytest.mark.parametrize("family", [4, 6])
def test_one_tuple_goes_to_one_backend(standard, family):
    ports = ["--local-port", 1000 * family, "--list-ports"]  # below those the client's kernel gives out
    first = standard.connect(200, *ports, address=WEB[family])
    again = standard.connect(200, *ports, address=WEB[family])
    assert first["failed"] == again["failed"] == 0, (first["examples"], again["examples"])
    assert len(first["ports"]) == 200 and first["ports"] == again["ports"]
    assert len(set(first["ports"].values())) == 3


def test_explain_names_the_backend_that_answers(standard):
    ports = standard.connect(20, "--local-port", 9000, "--list-ports")["ports"]
    for port, backend in ports.items():
        told = standard.cardea.explain(f"192.0.2.10:{port}", f"{WEB[4]}:80")
        assert told["service"] == "web" and told["verdict"] == "forward"
        assert told["backend"] == standard.backend_address(backend), told


def test_a_udp_flow_keeps_backend_and_source(standard):
    result = standard.load("udp", "udp", ECHO[4], 53, "--datagrams", 300, "--same-port").finish()
    assert result["failed"] == 0 and len(result["backends"]) == 1
    assert len(result["sources"]) == 1 and result["sources"][0].startswith("10.0.0.1 "), "fullnat hides the client's source"


@pytest.mark.parametrize("family", [4, 6])
def test_bodies_arrive_byte_by_byte(standard, family):
    hold = standard.load("hold", "hold", WEB[family], 80, "--connections", 6, "--path", "/big", "--seconds", 3,
                         "--timeout", 30, "--sha256", standard.nginx["b1"].big_sha256).finish()
    assert hold["failed"] == hold["corrupt"] == hold["moved"] == 0, hold
    assert hold["requests"] >= 6
