"""HTTP/2 to backends: gRPC by its own library on both sides, and any client in front of nghttpx that speaks it plain or by ALPN."""
import json
import sys

import pytest

from lab import grpc_calls, nghttpx
from lab.cardea import Cardea
from lab.process import PACKAGE_ROOT
from lab.site import endpoint
from lab.web import SHOP, Web, http_service, l7_pool

WAYS = ("h2c", "alpn")
FLAGS = ("--http1.1", "--http2-prior-knowledge")


def with_http2(document, site, authority):
    b1, b2, b3 = site.backends
    health, tls = {"type": "tcp"}, {"verify": False}
    certificates = [authority.issue("shop.example")]
    document["pools"] += [l7_pool("grpc", [b1, b2], grpc_calls.PORT, http2="prior_knowledge", health=health),
                          l7_pool("h2c", [b1, b2], nghttpx.PORT, http2="prior_knowledge", health=health),
                          l7_pool("alpn", [b1, b2], nghttpx.TLS_PORT, http2="tls", tls=tls, health=health),
                          l7_pool("http1", [b3], 8443, http2="tls", tls=tls, health=health)]
    document["services"] += [http_service("grpc", [endpoint(SHOP[4], 8081) + "/tcp"], pool="grpc"),
                             http_service("grpc_tls", [endpoint(SHOP[4], 8444) + "/tcp"], certificates, pool="grpc"),
                             http_service("by_http2", [endpoint(SHOP[4], 8082) + "/tcp"], routes=[
                                 {"name": name, "match": {"host": f"{name}.wild.example"}, "pool": name} for name in ("h2c", "alpn", "http1")])]


@pytest.fixture(scope="module")
def web():
    servers = []

    def behind_servers(site, document):
        servers.extend(kind(site, b).start() for b in site.backends[:2] for kind in (grpc_calls.GrpcServer, nghttpx.Nghttpx))
        return Cardea(site, document)

    running = Web(origin=True, make_cardea=behind_servers)
    with_http2(running.document, running.site, running.authority)
    with running:
        yield running
        for server in servers:
            server.process.stop()


def at(name):
    """The name and address of the service that leads to this pool, as curl is told them."""
    return f"http://{name}.wild.example:8082", ("--resolve", f"{name}.wild.example:8082:{SHOP[4]}")


@pytest.fixture(params=["plain", "tls"])
def said(web, request):
    target = ["shop.example:8081"] if request.param == "plain" else ["shop.example:8444", web.authority.certificate]
    done = web.site.client.run("env", f"PYTHONPATH={PACKAGE_ROOT}", sys.executable, "-m", "lab.grpc_calls", "call", *target, timeout=120)
    return json.loads(done.stdout)


def test_every_kind_of_call_goes_through(said):
    assert said["unary"] == "hello" and said["large"]
    assert said["trailers"]["backend"] in ("b1", "b2") and said["trailers"]["digest-bin"] == str(bytes(range(8)))
    assert (said["stream"], said["total"]) == (1000, 500_000)
    assert said["talk"] == [["one", "two", "three"], []]
    assert said["fail"] == ["FAILED_PRECONDITION", "not today: 100 %"]
    assert said["unknown"][0] == "UNIMPLEMENTED"
    assert said["deadline"][0] == "DEADLINE_EXCEEDED" and said["given_up"], "who gives up is heard by the server"


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("name", WAYS)
def test_any_client_reaches_a_backend_that_speaks_http2(web, name, flag):
    base, words = at(name)
    answer = json.loads(web.curl(f"{base}/echo?a=b", flag, *words, "-H", "Cookie: a=1").stdout)
    headers = dict(answer["headers"])
    assert answer["target"] == "/echo?a=b" and headers["cookie"] == "a=1" and headers["host"].startswith(f"{name}.wild.example")
    assert "2 nghttpx" in headers["via"], "it was asked by HTTP/2"
    file = web.site.run.path / "upload"
    file.write_bytes(bytes(3_000_000))
    answer = json.loads(web.curl(f"{base}/sink", flag, *words, "-T", str(file)).stdout)
    assert answer["length"] == 3_000_000
    out = web.curl(f"{base}/bytes/5000000", flag, *words, "-o", "/dev/null", "-w", "%{http_code} %{size_download}").stdout
    assert out == "200 5000000"


def test_a_backend_that_does_not_choose_it_is_spoken_to_in_http1(web):
    base, words = at("http1")
    assert web.curl(f"{base}/api/x", *words).stdout.startswith("b3 api /api/x")


PLACES = {"h2c": ("h2c.wild.example", 8082), "alpn": ("alpn.wild.example", 8082), "http1": ("shop.example", 8080)}


def talk(web, name, lines, body):
    """What a client of HTTP/1 is answered that asks there, then sends `body`, and waits a little before it closes its half."""
    host, port = PLACES[name]
    head = "".join(f"{line}\r\n" for line in [lines[0], f"Host: {host}:{port}", *lines[1:]]) + "\r\n"
    file = web.site.run.path / "talk"
    file.write_bytes((head + body).encode())
    script = f"(cat {file}; sleep 0.5) | socat -t 5 - tcp:{SHOP[4]}:{port} | sed 's/\\r//'"
    return web.site.client.run("bash", "-c", script).stdout


@pytest.mark.parametrize("name", PLACES)
def test_trailers_go_both_ways(web, name):
    answer = talk(web, name, ["POST /trailers HTTP/1.1", "TE: trailers", "Connection: TE, close", "Transfer-Encoding: chunked"],
                  "3\r\nabc\r\n0\r\nX-Mine: 1\r\nHost: evil.example\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n")
    came = json.loads(next(line for line in answer.splitlines() if line.startswith("{")))
    assert [line.lower() for line in came["trailers"]] == ["x-mine: 1"]
    assert answer.lower().split("\n0\n")[1].startswith("x-sum: "), answer
    if name == "http1":
        assert came["te"] == "trailers", "who is asked by HTTP/1 is told that they are wanted"


@pytest.mark.parametrize("name", PLACES)
def test_a_websocket_is_opened_by_what_its_backend_speaks(web, name):
    answer = talk(web, name, ["GET /socket HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], "hello")
    head, _, body = answer.partition("\n\n")
    assert head.startswith("HTTP/1.1 101 ") and ": s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head, answer
    assert body == "hello"
    assert ("Via: 2.0 cardea" in head) == (name in WAYS), "its backend answered by HTTP/2, or did not"


@pytest.mark.parametrize("name", WAYS)
def test_nothing_is_lost_under_load(web, name):
    text = web.site.client.run("h2load", "-n", "4000", "-c", "4", "-m", "30", f"--connect-to={SHOP[4]}:8082", f"{at(name)[0]}/status/200",
                               check=False, timeout=120).stdout
    assert "4000 succeeded, 0 failed, 0 errored, 0 timeout" in text, text
