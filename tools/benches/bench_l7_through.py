"""What tools/bench l7 --through-dataplane runs: requests through the whole appliance on veth, by the ways that a port has to the
kernel, beside cardea-l7 and HAProxy on the same veth without a dataplane.

    kernel      cardea-l7 on an ordinary host         interface   af_xdp, the port's interface shared with the kernel
    pass        the same, with an XDP program on      tap         af_xdp, a TAP beside the port
                each interface that passes all        tap_two     the same, with two workers: two queues of each TAP
    haproxy     HAProxy on an ordinary host           userspace   af_packet, cardea-l7's own TCP behind it

`pass` is the floor of `interface`: what a veth takes for any program, copying each packet into a page before it runs.

All sites stand at once and are loaded in turns, a round after the other, so that whatever else the machine does meets all of them
alike; values are medians over rounds, one JSON object a line:
    l7.through.FIGURE.WAY    CPU time of the box's processes (dataplane, L7, HAProxy) a request; `machine`: busy time of the whole
                             machine a request, client, backends and the kernel's own work included: what says something is how the
                             ways differ; `ratio`: to `kernel`
FIGURE: plain, tls (kept connections, a small answer), connect (a connection a request), big (4 MB an answer, over TLS).
"""
import contextlib
import json
import pathlib
import re
import statistics
import subprocess

from l7_load import Failed
from l7_place import cpu_seconds
from lab.nginx import Nginx
from lab.process import Process
from lab.site import endpoint
from lab.wait import until
from lab.web import HOSTS, SHOP, Web

SECONDS, CONNECTIONS, ROUNDS = 1, 16, {False: 7, True: 3}
HAPROXY_CONFIGURATION = """\
global
  nbthread 2
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend all
  bind {address}:80
  bind {address}:443 ssl crt {certificate} alpn http/1.1
  default_backend pages
backend pages
{servers}
"""
PASSING = """\
__attribute__((section("xdp"), used)) int pass(void *packet) { return 2; /* XDP_PASS */ }
__attribute__((section("license"), used)) char license[] = "GPL";
"""
WRK = re.compile(r"(\d+) requests in ")
FIGURES = {
    "plain": ("http://shop.example/", []),
    "tls": ("https://shop.example/", []),
    "connect": ("http://shop.example/", ["-H", "Connection: close"]),
    "big": ("https://shop.example/big", []),
}


class Haproxy:
    """On an ordinary host, with the same certificates and backends."""

    def __init__(self):
        self.web = Web()
        self.site = self.web.site

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            site = stack.enter_context(self.site)
            servers = [Nginx(site, backend).start().backend for backend in site.backends]
            site.client.name_hosts(dict.fromkeys(HOSTS, SHOP[4]))
            self.program = Process(site.run, "haproxy", site.lb.command("haproxy", "-db", "-f", self._configured(servers))).start()
            until(lambda: self._listens(), 10, "HAProxy listens")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *what):
        self.program.stop()
        return self._stack.__exit__(*what)

    def _configured(self, backends):
        pair = self.web.authority.issue("shop.example")
        both = self.site.run.path / "haproxy.pem"
        both.write_text("".join(pathlib.Path(pair[part]).read_text() for part in ("cert", "key")))
        servers = "\n".join(f"  server {b.name} {endpoint(b.address(4), 80)}" for b in backends)
        file = self.site.run.path / "haproxy.cfg"
        file.write_text(HAPROXY_CONFIGURATION.format(address=SHOP[4], certificate=both, servers=servers))
        return file

    def _listens(self):
        assert self.program.alive(), self.program.tail()
        return ":443 " in self.site.lb.run("ss", "-Htln").stdout

    def programs(self):
        return [self.program]


def without_log(document):
    del document["l7"]["access_log"]


class Ours(Web):
    def __init__(self, workers=(1,), transport="kernel", **options):
        def change(document):
            without_log(document)
            document["l7"]["transport"] = transport
            if "dataplane" in document:
                document["dataplane"]["workers"] = list(workers)
        super().__init__(change=change, **options)

    def programs(self):
        return [daemon for daemon in self.cardea.daemons if daemon is not self.cardea.mgmt]


class BehindPassingPrograms(Ours):
    """On an ordinary host whose interfaces have the shortest XDP program there is."""

    def __enter__(self):
        super().__enter__()
        program = self.site.run.path / "pass.o"
        subprocess.run(["clang-19", "-O2", "-target", "bpf", "-c", "-x", "c", "-", "-o", program], input=PASSING, text=True, check=True)
        for interface in ("nic-wan", "nic-lan"):
            self.site.lb.run("ip", "link", "set", "dev", interface, "xdpdrv", "object", str(program), "section", "xdp")
        return self


WAYS = {
    "kernel": lambda: Ours(),
    "pass": lambda: BehindPassingPrograms(),
    "haproxy": Haproxy,
    "interface": lambda: Ours(kernel=False, device="net_af_xdp shared"),
    "tap": lambda: Ours(kernel=False, device="net_af_xdp"),
    "tap_two": lambda: Ours(kernel=False, device="net_af_xdp", workers=(0, 1)),
    "userspace": lambda: Ours(kernel=False, device="net_af_packet", transport="userspace"),
}


def busy_seconds():
    """Of all CPUs: neither idle nor waiting for a disk."""
    fields = [int(word) for word in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / 100


def requests(place, url, words):
    text = place.site.client.run("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "10s", *words, url,
                                 timeout=SECONDS + 60).stdout
    if "Socket errors" in text or "Non-2xx" in text:
        raise Failed(text)
    return int(WRK.search(text)[1])


def sample(place, figure):
    """CPU of the box and busy time of the machine, in microseconds a request."""
    pids = [program.pid for program in place.programs()]
    cpu, busy = sum(map(cpu_seconds, pids)), busy_seconds()
    count = requests(place, *FIGURES[figure])
    return [(sum(map(cpu_seconds, pids)) - cpu) / count * 1e6, (busy_seconds() - busy) / count * 1e6]


def measure(places, figure, rounds):
    samples = {way: [] for way in places}
    for number in range(rounds + 1):  # the first warms up and is not counted
        for way, place in places.items():
            found = sample(place, figure)
            if number:
                samples[way].append(found)
    medians = {way: [statistics.median(column) for column in zip(*many, strict=True)] for way, many in samples.items()}
    for way, (box, machine) in medians.items():
        print(json.dumps({"name": f"l7.through.{figure}.{way}", "value": round(box, 2), "unit": "us/request",
                          "ratio": round(box / medians["kernel"][0], 3), "machine": round(machine, 2),
                          "machine_ratio": round(machine / medians["kernel"][1], 3)}), flush=True)


def run(wanted, quick):
    """`wanted`: what the figures' names begin with."""
    figures = [figure for figure in FIGURES if f"l7.through.{figure}".startswith(wanted)]
    with contextlib.ExitStack() as stack:
        places = {way: stack.enter_context(make()) for way, make in WAYS.items()}
        for figure in figures:
            measure(places, figure, ROUNDS[quick])
