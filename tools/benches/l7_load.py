"""One measurement: load on a running proxy for a moment, and what the proxy's CPU did meanwhile."""
import json
import re
from dataclasses import dataclass

from l7_place import HOST, cpu_seconds
from lab.cardea import binary

CONNECTIONS = 64
H2LOAD = re.compile(r"finished in ([\d.]+)(m?s)")
H2LOAD_COUNTS = re.compile(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout")
WRK = re.compile(r"(\d+) requests in ([\d.]+)(m?s)")


@dataclass(frozen=True)
class Sample:
    count: int
    seconds: float
    cpu: float

    @property
    def us(self):
        return self.cpu / self.count * 1e6

    @property
    def rate(self):
        return self.count / self.seconds


class Failed(AssertionError):
    pass


def sampled(proxy, work):
    before = cpu_seconds(proxy.pid)
    count, seconds = work()
    return Sample(count, seconds, cpu_seconds(proxy.pid) - before)


def wrk(proxy, kind, path, seconds, close=False, accept=None):
    scheme = "https" if kind.startswith("tls") else "http"
    header = [*(["-H", "Connection: close"] if close else []), *(["-H", f"Accept-Encoding: {accept}"] if accept else [])]
    text = proxy.place.client("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-H", f"Host: {HOST}",
                              *header, f"{scheme}://127.0.0.1:{proxy.ports[kind]}{path}", timeout=seconds + 60)
    if "Socket errors" in text or "Non-2xx" in text:
        raise Failed(text)
    found = WRK.search(text)
    return int(found[1]), float(found[2]) / (1000 if found[3] == "ms" else 1)


def h2load(proxy, kind, path, seconds):
    """As many calls at a time as wrk has connections, over a fourth as many."""
    text = proxy.place.client("h2load", "-t1", f"-c{CONNECTIONS // 4}", "-m4", f"-D{seconds}", f"https://127.0.0.1:{proxy.ports[kind]}{path}",
                              timeout=seconds + 60)
    done, failed, errored, late = map(int, H2LOAD_COUNTS.search(text).groups())
    if failed or errored or late or "Application protocol: h2" not in text:
        raise Failed(text)
    found = H2LOAD.search(text)
    return done, float(found[1]) / (1000 if found[2] == "ms" else 1)


def handshakes(proxy, seconds, resume):
    text = proxy.place.client(binary("cardea-load"), "handshakes", "127.0.0.1", proxy.ports["tls"], "--tls", "--server-name", HOST,
                              "--concurrency", CONNECTIONS, "--seconds", seconds, *(["--resume"] if resume else []))
    result = json.loads(text)
    if result["failed"] or result["resumed"] != (result["done"] if resume else 0):
        raise Failed(text)
    return result["done"], result["seconds"]


def bare_handshakes(place, seconds, resume):
    """OpenSSL alone, on the proxies' core: what no server can be below without changing OpenSSL's own work."""
    text = place.process_output("0", binary("bare_handshake"), f"{place.certificate}.pem", seconds, *(["--resume"] if resume else []))
    result = json.loads(text)
    return Sample(result["done"], result["cpu"], result["cpu"])


# What is asked for so that ours compresses to that; nginx knows gzip alone, at the same level 5.
ACCEPTED = {"gzip": "gzip", "br": "br, gzip;q=0.5", "zstd": "zstd, gzip;q=0.5"}

# figure → (unit, what is done once for so many seconds)
FIGURES = {
    "l7.proxy.plain": ("us/request", lambda proxy, s: wrk(proxy, "plain", "/", s)),
    "l7.proxy.tls": ("us/request", lambda proxy, s: wrk(proxy, "tls", "/", s)),
    "l7.h2.proxy.tls": ("us/request", lambda proxy, s: h2load(proxy, "tls", "/", s)),
    "l7.h2.cache.tls": ("us/request", lambda proxy, s: h2load(proxy, "tls_cached", "/cached", s)),
    "l7.cache.plain": ("us/request", lambda proxy, s: wrk(proxy, "plain_cached", "/cached", s)),
    "l7.cache.tls": ("us/request", lambda proxy, s: wrk(proxy, "tls_cached", "/cached", s)),
    "l7.files.1k": ("us/request", lambda proxy, s: wrk(proxy, "plain", "/files/1k.bin", s)),
    "l7.files.100k": ("us/request", lambda proxy, s: wrk(proxy, "plain", "/files/100k.bin", s)),
    "l7.files.10m": ("us/request", lambda proxy, s: wrk(proxy, "plain", "/files/10m.bin", s)),
    "l7.files.tls.100k": ("us/request", lambda proxy, s: wrk(proxy, "tls", "/files/100k.bin", s)),
    **{f"l7.compress.{coding}.{size}": (
        "us/request", lambda proxy, s, size=size, accept=accept: wrk(proxy, "plain", f"/files/{size}.html", s, accept=accept))
       for coding, accept in ACCEPTED.items() for size in ("4k", "100k")},
    "l7.connect.plain": ("us/request", lambda proxy, s: wrk(proxy, "plain", "/", s, close=True)),
    "tls.handshake.full": ("us/handshake", lambda proxy, s: handshakes(proxy, s, resume=False)),
    "tls.handshake.resumed": ("us/handshake", lambda proxy, s: handshakes(proxy, s, resume=True)),
}
FILES = ("l7.files.", "l7.compress.")  # figures of those that send files themselves
HTTP2_ALONE = "l7.h2.proxy.tls"  # the figure that peers which are there for HTTP/2 have
BARE = {"tls.handshake.full": False, "tls.handshake.resumed": True}  # figure → whether the bare loop resumes for it
