"""One exchange seen from all sides: what the backend is sent, what the client gets, what the log says, what `explain` had said."""
import http.client
import json
import os

import pytest

from lab.site import CLIENT_HOST, WAN
from lab.web import SHOP, STREAM, Web

FIELDS = {"ts", "id", "gen", "client", "listener", "service", "host", "method", "path", "proto", "tls", "route", "pool", "backend",
          "attempts", "status", "reason", "bytes_in", "bytes_out", "t_total_ms"}


def told(document):
    for service in document["services"]:
        if service["name"].startswith("origin"):
            service.update(request_id={"answer": True}, trace="continue")


@pytest.fixture(scope="module")
def web():
    with Web(origin=True, change=told) as running:
        yield running


def echo(web, *words, tls=True):
    url = "https://shop.example:8443/echo" if tls else "http://shop.example:8080/echo"
    answer = json.loads(web.curl(url, *words).stdout)
    return answer, {name: [v for n, v in answer["headers"] if n == name] for name, _ in answer["headers"]}


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_backends_are_told_who_asked(web, tls):
    _, headers = echo(web, "-H", "X-Forwarded-For: 6.6.6.6", "-H", "X-Forwarded-Proto: gopher", tls=tls)
    assert headers["x-forwarded-for"][-1].split(", ")[-1] == WAN.address(CLIENT_HOST, 4)
    assert headers["x-forwarded-proto"] == ["https" if tls else "http"]
    assert headers["host"][0].split(":")[0] == "shop.example"


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_an_id_is_the_same_for_the_backend_the_client_and_the_log(web, version):
    out = web.curl("https://shop.example:8443/echo?id", version, "-i", "-H", "X-Request-ID: forged", "-H", "X_Request_Id: alike").stdout
    head, _, body = out.partition("\n\n")
    told = [line.split(": ")[1].strip() for line in head.splitlines() if line.lower().startswith("x-request-id: ")]
    sent = [value for name, value in json.loads(body)["headers"] if name.replace("_", "-") == "x-request-id"]
    assert sent == told and len(told[0]) == 32, (sent, told)
    entry = web.logged(id=told[0])[-1]
    assert (entry["path"], entry["query"], entry["status"]) == ("/echo", "id", 200)
    assert entry["choice"] and entry["t_tls_ms"] > 0, entry


def test_a_trace_is_continued_or_begins(web):
    theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    _, headers = echo(web, "-H", f"traceparent: {theirs}", "-H", "tracestate: a=b")
    assert headers["traceparent"] == [theirs] and headers["tracestate"] == ["a=b"]
    _, headers = echo(web, "-H", "traceparent: nonsense", "-H", "tracestate: a=b")
    (parent,) = headers["traceparent"]
    assert parent.split("-")[1] == headers["x-request-id"][0] and "tracestate" not in headers
    assert web.logged(id=headers["x-request-id"][0])[-1]["trace"] == parent.split("-")[1]


def test_hop_by_hop_headers_stay_on_their_hop(web):
    _, headers = echo(web, "-H", "Connection: keep-alive, X-Private", "-H", "X-Private: 1", "-H", "TE: trailers", "-H", "Keep-Alive: 5",
                      "-H", "Upgrade: nonsense", "-H", "Proxy-Connection: keep-alive", "-H", "X-Public: 1")
    assert {"x-private", "keep-alive", "proxy-connection", "upgrade"} & headers.keys() == set()
    assert headers["x-public"] == ["1"]


def test_both_sides_keep_their_connections(web):
    before = web.metrics()
    out = web.curl("https://shop.example/pages/{1,2,3,4,5,6,7,8,9}", "-o", "/dev/null", "-w", "%{num_connects} ").stdout
    assert out.split() == ["1"] + ["0"] * 8, "the client's connection was not kept"
    page = web.metrics()
    reused = page.total("cardea_l7_backend_reused_total", pool="pages") - before.total("cardea_l7_backend_reused_total", pool="pages")
    assert reused >= 3, "backends' connections were not kept"


def test_a_body_of_any_framing_arrives(web):
    body = os.urandom(100_000).hex()
    file = web.site.run.path / "body"
    file.write_text(body)
    for words in ([], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"], ["-0"]):
        answer = json.loads(web.curl("https://shop.example:8443/sink", "--data-binary", f"@{file}", *words).stdout)
        assert answer["length"] == len(body), words


def test_head_has_no_body_and_the_connection_goes_on(web):
    out = web.curl("https://shop.example/pages/x", "-I", "-w", "%{http_code} ", "--next", "-sS", "--cacert",
                   web.authority.certificate, "-w", "%{num_connects}", "https://shop.example/pages/y").stdout
    assert "200" in out and out.endswith("0"), out


def test_a_tcp_service_passes_bytes(web):
    names = {web.get(f"http://{STREAM}:25/")[2].strip() for _ in range(6)}
    assert names == {"b1", "b2"}
    assert web.get(f"http://{STREAM}:25/big", "-o", "/dev/null", "-D", "-")[0] == 200


def test_the_log_tells_the_whole_exchange(web):
    web.get("https://shop.example/api/logged?secret=1", "-A", 'quote" \\ and \u00e9', "-H", "Referer: x")
    entry = web.logged(path="/api/logged")[-1]
    assert FIELDS - entry.keys() == set(), sorted(entry)
    assert entry["client"].startswith(WAN.address(CLIENT_HOST, 4) + ":") and entry["listener"] == f"{SHOP[4]}:443"
    assert (entry["service"], entry["host"], entry["method"], entry["route"], entry["pool"]) == (
        "shop", "shop.example", "GET", "api", "api")
    assert entry["backend"] in (web.backend_address("b1"), web.backend_address("b2"))
    assert (entry["status"], entry["reason"], entry["attempts"]) == (200, "ok", 1)
    assert entry["tls"] == "TLSv1.3" and entry["bytes_in"] > 50 and entry["bytes_out"] > 50
    assert entry["gen"] == web.cardea.cli("status")["generation"]


def test_the_log_is_opened_anew_after_rotation(web):
    log = web.site.run.logs / "access.log"
    web.get("https://shop.example/api/before-rotation")
    web.logged(path="/api/before-rotation")
    log.rename(log.with_suffix(".1"))
    web.cardea.l7.signal(10)  # SIGUSR1
    for _ in range(100):
        web.get("https://shop.example/api/after-rotation")
        if log.exists() and log.stat().st_size:
            break
    assert web.logged(path="/api/after-rotation")
    assert "before-rotation" in log.with_suffix(".1").read_text()


def test_explain_says_what_then_happens(web):
    told = web.cardea.explain_url("GET", "https://shop.example/api/y?q=1")
    assert (told["service"], told["route"], told["pool"], told["verdict"]) == ("shop", "api", "api", "proxy")
    assert {c["backend"] for c in told["candidates"]} == {web.backend_address("b1"), web.backend_address("b2")}
    web.get("https://shop.example/api/y?q=1")
    entry = web.logged(path="/api/y")[-1]
    assert (entry["service"], entry["route"], entry["pool"]) == (told["service"], told["route"], told["pool"])
    story = web.cardea.run("explain", "GET", "https://shop.example/api/y").stdout
    assert "shop" in story and "api" in story and web.backend_address("b1") in story


def test_explain_knows_maglev_and_the_cache(web):
    url = "https://shop.example/images/explained"
    assert web.cardea.explain_url("GET", url)["cache_verdict"] == "miss"
    web.get(url)
    told = web.cardea.explain_url("GET", url)
    assert told["cache_verdict"] == "hit" and told["cache"] == "edge"
    assert web.cardea.explain_url("GET", "https://nobody.example/x", "--service", "shop")["verdict"] == "reply"


def test_a_purged_object_is_fetched_anew(web):
    url = "https://shop.example/images/purged"
    first = web.get(url)[2]
    assert web.get(url)[2] == first
    assert web.cardea.cli("purge", url)["purged"] == 1
    again = web.get(url)[2]
    assert again != first and web.get(url)[2] == again


def test_show_lists_routes_certificates_and_the_cache(web):
    routes = web.cardea.run("show", "routes").stdout
    for word in ("shop.example", "/api/", "/images/", "blog.example", "edge"):
        assert word in routes, routes
    certificates = web.cardea.cli("show", "certs")["certificates"]
    assert {"EC", "RSA"} <= {row["key_type"] for row in certificates}
    assert any("*.wild.example" in row["names"] for row in certificates)
    cache = web.cardea.cli("show", "cache")["caches"][0]
    assert cache["name"] == "edge" and cache["objects"] >= 1


def test_a_pipelining_client_gets_its_answers_in_order(web):
    ask = "".join(f"GET /pages/{n} HTTP/1.1\\r\\nHost: shop.example\\r\\n\\r\\n" for n in range(4)) + (
        "GET /pages/last HTTP/1.1\\r\\nHost: shop.example\\r\\nConnection: close\\r\\n\\r\\n")
    text = web.site.client.run("bash", "-c", f"printf '{ask}' | socat -t 5 - tcp:{SHOP[4]}:80").stdout
    order = [line.split()[2] for line in text.splitlines() if " page /pages/" in line]
    assert order == ["/pages/0", "/pages/1", "/pages/2", "/pages/3", "/pages/last"]


def test_http_10_and_old_clients_are_served(web):
    assert web.get("https://shop.example/pages/x", "--http1.0")[0] == http.client.OK


def test_what_became_of_a_failed_exchange_is_told_by_its_id(web):
    head = web.curl("https://shop.example:8443/quit", "-i", "-X", "POST").stdout
    (told,) = [line.split(": ")[1].strip() for line in head.splitlines() if line.lower().startswith("x-request-id: ")]
    entry = web.logged(id=told)[-1]
    rows = web.cardea.cli("show", "exchanges", "--kind", "failed")["exchanges"]
    assert [row["reason"] for row in rows if row["id"] == told] == [entry["reason"]]
    story = web.cardea.cli("explain", "--id", told)
    assert (story["status"], story["backend"]) == (entry["status"], entry["backend"]) and story["tried"][-1]["result"] == entry["reason"]
    text = web.cardea.run("explain", "--id", told).stdout
    assert f"Backend {entry['backend']} was chosen" in text and f"So it ended: status {entry['status']}, {entry['reason']}" in text, text
    nobody = web.cardea.run("explain", "--id", "nobodys", check=False)
    assert nobody.returncode != 0 and "is remembered" in nobody.stderr
