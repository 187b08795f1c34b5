"""L7's limits reached on purpose: each ends in a counted refusal with a reason, and what was there before goes on."""
import concurrent.futures
import json
import os
import pathlib
import resource
import time

import pytest

from lab.cardea import Cardea
from lab.nginx import Nginx
from lab.wait import until
from lab.web import SHOP, STREAM, Web, http_service, l7_pool, route

CACHE_BYTES = 1 << 20
OBJECT_BYTES = 20_000
CONNECTIONS_MAX = 10
AT_ONCE = 2
LOG_RING = "64KiB"
TIGHT, REFUSED, FEW = 8081, 8082, 8083


class Nobody:
    """A port of a backend where nothing listens."""

    def __init__(self, backend):
        self.address = backend.address


def add_limits(web_document, site_backends):
    b1 = site_backends[0]
    web_document["caches"][0].update(memory="1MiB", object_max="64KiB")
    web_document["l7"]["access_log_ring"] = LOG_RING
    few = l7_pool("few", [b1], 9000)
    few["backends"][0]["connections_max"] = AT_ONCE
    web_document["pools"] += [l7_pool("refused", [Nobody(b1)], 4242, health={"type": "none"}), few]
    web_document["services"] += [
        http_service("tight", [f"{SHOP[4]}:{TIGHT}/tcp"], pool="pages", connections_max=CONNECTIONS_MAX),
        http_service("refused", [f"{SHOP[4]}:{REFUSED}/tcp"], pool="refused"),
        http_service("few", [f"{SHOP[4]}:{FEW}/tcp"], routes=[route("few", "/", "few")])]


@pytest.fixture(scope="module")
def web():
    web = Web(origin=True, shards=(0,))  # one shard, so that a limit is not divided
    add_limits(web.document, web.site.backends)
    with web as running:
        yield running


def cached(web):
    return next(row for row in web.cardea.cli("show", "cache")["caches"] if row["name"] == "edge")


def test_a_full_cache_evicts_and_stays_within_its_memory(web):
    many = 4 * CACHE_BYTES // OBJECT_BYTES
    urls = "\n".join(f'url = "http://shop.example:8080/cache/{n}?size={OBJECT_BYTES}"\noutput = "/dev/null"' for n in range(many))
    web.site.client.run("curl", "-sSf", "--config", "-", stdin=urls, timeout=60)
    row = cached(web)
    assert 0 < row["bytes"] <= row["bytes_max"] == CACHE_BYTES and row["evicted"] > 0, row
    assert row["objects"] <= CACHE_BYTES // OBJECT_BYTES
    newest = f"http://shop.example:8080/cache/{many - 1}?size={OBJECT_BYTES}"
    assert web.get(newest)[2] == web.get(newest)[2]
    assert web.logged(path=f"/cache/{many - 1}", cache="hit")


def test_what_is_too_large_for_the_cache_is_served_all_the_same(web):
    url = "http://shop.example:8080/cache/large?size=100000"
    first, second = web.get(url)[2], web.get(url)[2]
    assert len(first) == len(second) == 100_000 and first != second
    until(lambda: web.metrics().total("cardea_l7_cache_refused_total", cache="edge") >= 1, 2, "the refusal is counted")


KEEP_CONNECTIONS = """
import json, socket, sys
def connect():
    try:
        return socket.create_connection((address, port), 5)
    except ConnectionResetError:  # the refusal may be there first
        return None
def ask(sock):
    if not sock:
        return None
    try:
        sock.sendall(b"GET /pages/x HTTP/1.1\\r\\nHost: shop.example\\r\\n\\r\\n")
        return sock.recv(4096).split()[1].decode()
    except (ConnectionError, IndexError):
        return None
address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
socks = [connect() for _ in range(count)]
first = [ask(s) for s in socks]
again = [ask(s) for s, was in zip(socks, first) if was]
for s, was in zip(socks, first):
    if was:
        s.close()
        break
print(json.dumps({"first": first, "again": again}), flush=True)
"""


def test_connections_beyond_the_limit_are_refused_and_counted(web):
    before = web.metrics().total("cardea_l7_service_connections_refused_total", service="tight")
    done = web.site.client.run("python3", "-c", KEEP_CONNECTIONS, SHOP[4], TIGHT, CONNECTIONS_MAX + 5)
    result = json.loads(done.stdout)
    assert result["first"].count("200") == CONNECTIONS_MAX and result["first"].count(None) == 5, result
    assert result["again"] == ["200"] * CONNECTIONS_MAX, "those that were let in must not notice"
    assert web.metrics().total("cardea_l7_service_connections_refused_total", service="tight") - before == 5
    until(lambda: web.metrics().total("cardea_l7_service_connections", service="tight") == 0, 5, "they are gone")
    assert web.get(f"http://shop.example:{TIGHT}/pages/x")[0] == 200


def test_a_refusing_backend_is_answered_for(web):
    status, headers, _ = web.get(f"http://shop.example:{REFUSED}/x")
    assert status == 502
    entry = web.logged(service="refused")[-1]
    assert (entry["status"], entry["reason"]) == (502, "connect_failed"), "and not connect_timeout, which is waited for"
    assert web.metrics().total("cardea_l7_backend_connect_failures_total", pool="refused") > 0


def test_a_backend_gets_no_more_at_once_than_it_may(web):
    with concurrent.futures.ThreadPoolExecutor(6) as several:
        codes = list(several.map(lambda _: web.get(f"http://shop.example:{FEW}/wait/2")[0], range(6)))
    assert codes.count(200) == AT_ONCE and codes.count(503) == 6 - AT_ONCE, codes
    assert web.logged(6 - AT_ONCE, service="few", status=503, reason="backends_busy")
    assert web.get(f"http://shop.example:{FEW}/echo")[0] == 200


KEEP_OPEN = """
import socket, sys, time
socks = []
for _ in range(int(sys.argv[3])):
    try:
        socks.append(socket.create_connection((sys.argv[1], int(sys.argv[2])), 5))
    except ConnectionError:
        pass
time.sleep(1)
"""


def test_without_descriptors_nobody_else_is_blamed(web):
    pid = web.cardea.l7.pid
    allowed = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    assert allowed[0] == allowed[1], "L7 raises its limit to what it may have"
    failures = web.metrics().total("cardea_l7_backend_connect_failures_total", pool="stream")
    try:
        in_use = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
        free = [fd for fd in range(1000) if fd not in in_use]
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[21], allowed[1]))
        spent, began = cpu_seconds(pid), time.monotonic()
        web.site.client.run("python3", "-c", KEEP_OPEN, STREAM, 25, 100)
        share = (cpu_seconds(pid) - spent) / (time.monotonic() - began)
        assert share < 0.5, "waiting for descriptors costs no time: a loop that spins takes a core"
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, allowed)
    metrics = web.metrics()
    assert metrics.total("cardea_l7_local_failures_total") > 0
    assert web.logged(service="stream", reason="local_failure")
    assert metrics.total("cardea_l7_backend_connect_failures_total", pool="stream") == failures
    assert web.get(f"http://{STREAM}:25/")[0] == 200


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_stalled_log_costs_lines_and_nothing_else(web):
    fifo = web.site.run.path / "log.fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDWR)  # open, and never read
    old = dict(web.document["l7"])
    try:
        web.document["l7"].update(access_log=str(fifo))
        web.reload()
        assert log_is(web, fifo), "the access log did not move by a reload"
        load = web.load("while-stalled", "hold", SHOP[4], 80, "--connections", 8, "--seconds", 4, "--server-name", "shop.example").finish()
        assert load["failed"] == 0 and load["requests"] > 1000, load
        assert web.metrics().total("cardea_l7_log_dropped_total") > 0
        assert web.get("https://shop.example/api/x")[0] == 200
    finally:
        web.document["l7"] = old
        web.reload()
        os.close(reader)
    time.sleep(0.5)  # until the lines that waited are written
    web.get("https://shop.example/api/after-the-stall")
    assert web.logged(path="/api/after-the-stall")


def log_is(web, fifo):
    """Whether L7 has this file open."""
    folder = f"/proc/{web.cardea.l7.pid}/fd"
    return any(os.path.realpath(f"{folder}/{fd}") == str(fifo) for fd in os.listdir(folder))


def test_a_certificate_missing_at_reload_is_refused_and_the_old_serves(web):
    service = web.service("shop")
    kept = service["tls"]["certificates"]
    missing = str(web.site.run.path / "tls/missing.crt")
    service["tls"]["certificates"] = [{"cert": missing, "key": kept[0]["key"]}, *kept]
    done = web.reload(check=False)
    assert done.returncode != 0 and missing in done.stdout + done.stderr, done.stdout + done.stderr
    assert web.get("https://shop.example/api/x")[0] == 200
    status = web.cardea.run("status").stdout
    assert "missing.crt" in status or "refused" in status, status
    service["tls"]["certificates"] = kept
    web.reload()
    web.cardea.until_ready()


def test_a_key_that_is_not_the_certificates_is_refused(web):
    service = web.service("shop")
    kept = service["tls"]["certificates"]
    service["tls"]["certificates"] = [{"cert": kept[0]["cert"], "key": kept[1]["key"]}, *kept[1:]]
    done = web.reload(check=False)
    assert done.returncode != 0 and "key" in done.stdout + done.stderr
    assert web.get("https://shop.example/api/x")[0] == 200
    service["tls"]["certificates"] = kept
    web.reload()


def test_a_certificate_missing_at_start_is_told_and_mended_by_a_reload():
    web = Web(shards=(0,))
    key = web.site.run.path / "tls/shop.example.key"
    hidden = key.with_suffix(".hidden")
    key.rename(hidden)
    with web.site as site:
        web.nginx = [Nginx(site, b).start() for b in site.backends]
        web.cardea = Cardea(site, web.document)
        for daemon in web.cardea.daemons:
            daemon.start()
        try:
            until(lambda: str(key) in web.cardea.run("status", check=False).stdout, 15, "status names the missing key")
            assert all(daemon.alive() for daemon in web.cardea.daemons)
            hidden.rename(key)
            web.reload()
            web.cardea.until_ready()
            web.cardea.until_backends("up")
            site.client.name_hosts({"shop.example": SHOP[4]})
            assert web.get("https://shop.example/api/x")[0] == 200
        finally:
            web.cardea.stop()
