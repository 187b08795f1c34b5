"""Much of everything: a gigabyte each way through TLS in constant memory, tunnels that are busy both ways at once, ten
thousand idle TLS connections, thousands of connections a second opened and closed."""
import os
import pathlib
import sys
import threading

import pytest

from lab.cardea import Cardea
from lab.origin import sha256_of_bytes
from lab.two_way import PORT as TWO_WAY_PORT
from lab.two_way import Listener, call_and_wait
from lab.wait import until
from lab.web import SHOP, STREAM, Web, endpoint, l7_pool
from lab.wrk import Churn

GIGABYTE = 1 << 30
GROWTH_MAX = 32 << 20  # bytes of L7's memory while a gigabyte passes
IDLE = 10_000
IDLE_BYTES_MAX = 24 * 1024  # of user memory a TLS connection: the must of the design
RATE = 5000
# Each way, about 20 s; 10737418240 is worth some minutes.
TUNNEL_BYTES = int(os.environ.get("CARDEA_TUNNEL_BYTES", 2 * GIGABYTE))
TUNNEL_GROWTH_MAX = 512 << 10  # a tunnel once grew by a kilobyte a megabyte
# Our own TCP's pools are the host's from the first time that a block is lent: of a tunnel's two connections, the largest
# receive window (l7/tcp/settings.h) and what may be unacknowledged (l7/door/shard_door.h).
if os.environ.get("CARDEA_L7_TRANSPORT") == "userspace":
    TUNNEL_GROWTH_MAX += 2 * ((1 << 20) + (256 << 10))
TUNNEL_PORTS = {"plain": 26, "tls": 27}


def keep_waiting(document):
    for service in document["services"]:
        if service["mode"] == "http":
            service.update(idle_timeout="10m", connections_max=20_000)
    for pool in document["pools"]:  # ten thousand that ask at once wait in the queues of small origins, on a busy machine longer
        pool.update(connect_timeout="60s", response_timeout="60s")


@pytest.fixture(scope="module")
def tunnels():
    """Two tunnels to one that sends and reads at once."""
    def cardea(site, document):
        Listener(site, site.backends[0]).start()
        document["pools"].append(l7_pool("two_way", site.backends[:1], TWO_WAY_PORT, health={"type": "tcp"}))
        certificates = document["services"][0]["tls"]["certificates"][:1]
        for name, port in TUNNEL_PORTS.items():
            tls = {"tls": {"certificates": certificates}} if name == "tls" else {}
            document["services"].append({"name": f"two_way_{name}", "mode": "tcp", "listen": [endpoint(STREAM, port) + "/tcp"],
                                         "pool": "two_way", **tls})
        return Cardea(site, document)
    with Web(make_cardea=cardea) as running:
        yield running


@pytest.mark.parametrize("kind", TUNNEL_PORTS)
def test_a_tunnel_busy_both_ways_stays_as_small_as_it_was(tunnels, kind, record_property):
    """Each direction two gigabytes, every byte compared, while L7's memory stays where it is."""
    secure = ["shop.example", tunnels.authority.certificate] if kind == "tls" else []
    call_and_wait(tunnels.site, f"warm-{kind}", STREAM, TUNNEL_PORTS[kind], GIGABYTE // 16, *secure)
    with Watch(tunnels) as watch:
        took = call_and_wait(tunnels.site, f"call-{kind}", STREAM, TUNNEL_PORTS[kind], TUNNEL_BYTES, *secure)
    record_property("megabytes_a_second", round(2 * TUNNEL_BYTES / took / 1e6))
    print(f"{TUNNEL_BYTES >> 20} MB each way ({kind}) in {took:.1f} s: L7's memory grew by {watch.growth >> 10} KB at most")
    assert watch.growth < TUNNEL_GROWTH_MAX


@pytest.fixture(scope="module")
def web():
    with Web(origin=True, change=keep_waiting) as running:
        yield running


def memory(web):
    """Bytes that are the process's own."""
    text = pathlib.Path(f"/proc/{web.cardea.l7.pid}/smaps_rollup").read_text()
    return sum(int(row.split()[1]) * 1024 for row in text.splitlines() if row.startswith("Private_Dirty:"))


class Watch:
    """The largest `memory` while a block runs."""

    def __init__(self, web):
        self.web, self.before, self.peak = web, memory(web), 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self):
        while not self._over.wait(0.05):
            self.peak = max(self.peak, memory(self.web))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    @property
    def growth(self):
        return self.peak - self.before


def shell(web, command):
    return web.site.client.run("bash", "-o", "pipefail", "-c", command, timeout=120).stdout


def curl(web, words):
    return f"curl -sSf --max-time 100 --cacert {web.authority.certificate} {words}"


def test_a_gigabyte_down(web):
    with Watch(web) as watch:
        got = shell(web, curl(web, f"https://shop.example:8443/bytes/{GIGABYTE}") + " | sha256sum").split()[0]
    assert got == sha256_of_bytes(GIGABYTE)
    print(f"1 GB down: L7's memory grew by {watch.growth / 2**20:.1f} MB at most")
    assert watch.growth < GROWTH_MAX


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_a_gigabyte_up(web, framing):
    size = GIGABYTE if framing == "chunked" else GIGABYTE // 4
    make = (f"{sys.executable} -c \"import sys; sys.path.insert(0, '{pathlib.Path(__file__).parent}'); from lab import origin;"
            f"[sys.stdout.buffer.write(b) for b in origin.blocks({size})]\"")
    length = "-H 'Transfer-Encoding: chunked'" if framing == "chunked" else f"-H 'Transfer-Encoding:' -H 'Content-Length: {size}'"
    with Watch(web) as watch:
        answer = shell(web, f"{make} | " + curl(web, f"-T - -X POST {length} -H Expect: https://shop.example:8443/sink"))
    assert f'"length": {size}' in answer and sha256_of_bytes(size) in answer, answer
    print(f"{size >> 20} MB up ({framing}): L7's memory grew by {watch.growth / 2**20:.1f} MB at most")
    assert watch.growth < GROWTH_MAX


def test_a_slow_reader_costs_no_memory(web):
    """Back-pressure: what the client does not read stays with the backend."""
    with Watch(web) as watch:
        for _ in range(3):
            web.curl("https://shop.example:8443/bytes/200000000", "--limit-rate", "1M", "--max-time", "1", "-o", "/dev/null",
                     check=False)
    assert watch.growth < GROWTH_MAX


def test_ten_thousand_idle_connections(web, record_property):
    Churn(web.site, "warm", "churn", SHOP[4], 443, "--tls", "--server-name", "shop.example", "--connections", 200,
          "--concurrency", 8).start().finish()
    before = memory(web)
    idle = Churn(web.site, "idle", "idle", SHOP[4], 443, "--tls", "--server-name", "shop.example", "--connections", IDLE,
                 "--concurrency", 64, "--patience", 60).start()
    until(lambda: idle.lines() or not idle.process.alive(), 120, f"{IDLE} connections stand", pause=0.2)
    stands = idle.lines()[0]
    assert stands["standing"] == IDLE and stands["failed"] == 0, stands
    each = (memory(web) - before) / IDLE
    record_property("bytes_per_idle_tls_connection", round(each))
    print(f"{IDLE} idle TLS connections: {each:.0f} bytes of L7's memory each, opened in {stands['seconds']:.1f} s")
    idle.process.signal(15)
    again = idle.finish(120)
    assert again["done"] == IDLE and again["failed"] == 0, again
    assert each < IDLE_BYTES_MAX


def test_thousands_of_connections_a_second(web, record_property):
    result = Churn(web.site, "churn", "churn", SHOP[4], 80, "--server-name", "shop.example", "--path", "/pages/x", "--rate", RATE,
                   "--concurrency", 256, "--seconds", 4, "--patience", 30).start().finish()
    rate = result["done"] / result["seconds"]
    record_property("connections_per_second", round(rate))
    print(f"{rate:.0f} connections a second opened and closed, each with a request ({RATE} were asked for)")
    assert result["failed"] == 0, result
    assert result["done"] == result["opened"]
    until(lambda: web.metrics().total("cardea_l7_service_connections", service="plain") == 0, 10, "all of them are closed")
