"""What tools/bench l7 runs: cardea-l7 beside Debian's HAProxy and nginx, measured in turns within one run.

Each figure is taken in rounds; a round loads each proxy once, one after the other, so that whatever else the machine does
meets all of them alike. `value` is the median over rounds of the proxy's CPU time divided by what it did; `ratio` is the
median of ours divided by the median of the peer's, below 1 is better. One JSON object a line:
    l7.proxy|cache|connect|h2.*, tls.handshake.*   a line a peer; ".two" behind the name: two workers (shards) each.
                           The peer "openssl" of a handshake is tls.handshake.bare: its server side without any I/O
    l7.files.*             the same of files that the proxy sends itself, beside nginx
    l7.compress.*          the same of HTML that it compresses on its way: gzip beside nginx's at the same level (5), br and zstd beside that
    l7.proxy.plain.logged  the same as l7.proxy.plain, each proxy writing its access log to a file (HAProxy: to its standard output)
    l7.idle.plain|tls      private memory of a proxy's processes for each idle connection
    l7.allocations         calls of the allocator for each proxied request, plain and over TLS
    l7.scaling             two shards' requests for each CPU-second, divided by one shard's
    l7.balance.*           what choosing one of ten backends costs, in process
    l7.head|route|edit.*   what a request costs before and after its I/O: 10,000 routes under 1,000 hosts, in process
A figure's name as argument measures what begins with it, such as "l7.proxy". --peers-only leaves out ours, --quick takes
fewer rounds. --through-dataplane measures the whole appliance on veth instead (bench_l7_through.py).
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

import bench_l7_through
from l7_load import BARE, FIGURES, FILES, HTTP2_ALONE, Failed, bare_handshakes, sampled, wrk
from l7_place import HOST, Place, anonymous_bytes
from l7_proxies import HTTP2_PEERS, PEERS, Ours
from lab.cardea import binary
from lab.process import Process
from lab.wait import until

SECONDS = 1
OPENSSL = "openssl"
LOGGED = "l7.proxy.plain.logged"


@dataclass(frozen=True)
class Effort:
    rounds: dict  # workers → counted rounds
    idle_connections: int


WHOLE = Effort({1: 5, 2: 3}, 4000)
QUICK = Effort({1: 2, 2: 1}, 2000)


def say(name, value, unit, **more):
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, **more}), flush=True)


def samples_of(proxies, name, rounds, workers):
    """A sample a round for each proxy, and for OpenSSL alone where that says something."""
    _, work = FIGURES[name]
    proxies = [proxy for proxy in proxies if name == HTTP2_ALONE or type(proxy) not in HTTP2_PEERS]
    proxies = [proxy for proxy in proxies if proxy.sends_files or not name.startswith(FILES)]
    samples = {proxy.name: [] for proxy in proxies}
    for number in range(rounds + 1):  # the first warms up and is not counted
        for proxy in proxies:
            sample = sampled(proxy, lambda: work(proxy, SECONDS))
            if number:
                samples[proxy.name].append(sample)
        if number and name in BARE and workers == 1:
            samples.setdefault(OPENSSL, []).append(bare_handshakes(proxies[0].place, SECONDS, BARE[name]))
    return samples


def measure(proxies, workers, wanted, effort, medians, behind=""):
    for name, (unit, _) in FIGURES.items():
        figure = name + (".two" if workers == 2 else "") + behind
        if not name.startswith(wanted):
            continue
        samples = samples_of(proxies, name, effort.rounds[workers], workers)
        us = {who: statistics.median(s.us for s in many) for who, many in samples.items()}
        rate = {who: statistics.median(s.rate for s in many) for who, many in samples.items()}
        medians[figure] = us
        report(figure, unit, us, rate, workers)


def report(figure, unit, us, rate, workers):
    per_second = "handshakes_per_s" if "handshake" in unit else "requests_per_s"
    if OPENSSL in us:
        say("tls.handshake.bare" + figure.removeprefix("tls.handshake"), us[OPENSSL], unit, of=OPENSSL)
    if Ours.name not in us:
        for peer in us.keys() - {OPENSSL}:
            say(figure, us[peer], unit, of=peer, workers=workers, **{per_second: round(rate[peer])})
        return
    for peer in [who for who in us if who != Ours.name]:
        say(figure, us[Ours.name], unit, peer=peer, ratio=round(us[Ours.name] / us[peer], 3), peer_value=round(us[peer], 3),
            workers=workers, **{per_second: round(rate[Ours.name]), f"peer_{per_second}": round(rate[peer])})


def idle_bytes(place, kind, port_kind, connections):
    """Bytes of the proxy's own memory for each of many connections that asked once and wait."""
    proxy = kind(place, 1).start()
    where = ["127.0.0.1", proxy.ports[port_kind], "--server-name", HOST, *(["--tls"] if port_kind == "tls" else [])]
    try:
        place.client(binary("cardea-load"), "churn", *where, "--connections", 200, "--concurrency", 8)
        before = anonymous_bytes(proxy.pid)
        load = Process(place.run, f"idle-{proxy.label}-{port_kind}", place.lb.command(
            binary("cardea-load"), "idle", *where, "--connections", connections, "--concurrency", 32)).start()
        until(lambda: load.log.read_text().strip() or not load.alive(), 60, "the idle connections stand")
        stands = json.loads(load.log.read_text().splitlines()[0])
        if stands["failed"] or stands["standing"] != connections:
            raise Failed(f"{proxy.name}: {stands}")
        time.sleep(0.5)  # what is given back when a connection falls idle has been given back
        grown = anonymous_bytes(proxy.pid) - before
        load.kill()
        return grown / connections
    finally:
        proxy.stop()


def measure_idle(place, kinds, wanted, effort):
    for port_kind in ("plain", "tls"):
        name = f"l7.idle.{port_kind}"
        if not name.startswith(wanted):
            continue
        found = {kind.name: idle_bytes(place, kind, port_kind, effort.idle_connections) for kind in kinds}
        for peer in [who for who in found if who != Ours.name]:
            ours = {"peer": peer, "ratio": round(found[Ours.name] / found[peer], 3)} if Ours.name in found else {"of": peer}
            say(name, found.get(Ours.name, found[peer]), "bytes/connection", peer_value=round(found[peer]), **ours)


def measure_allocations(place):
    """What a longer load asked for beyond a shorter one, over the requests it had more: both open the same connections."""
    proxy = Ours(place, 1, count_allocations=True).start()
    try:
        for name, kind in (("l7.allocations", "plain"), ("l7.allocations.tls", "tls")):
            wrk(proxy, kind, "/", SECONDS)  # pools and arenas have their size
            (short, few), (long, many) = (counted_load(proxy, kind, seconds) for seconds in (SECONDS, 3 * SECONDS))
            say(name, max(many - few, 0) / (long - short), "calls/request", requests=long - short, calls=many - few)
    finally:
        proxy.stop()


def counted_load(proxy, kind, seconds):
    """Requests, and calls of the allocator meanwhile."""
    before = proxy.cardea.allocations()
    requests, _ = wrk(proxy, kind, "/", seconds)
    return requests, proxy.cardea.allocations() - before


def measure_in_process(wanted):
    """Rows of another program of ours, passed on."""
    if not any(prefix.startswith(wanted) or wanted.startswith(prefix) for prefix in ("l7.head.", "l7.route.", "l7.edit.", "l7.balance.")):
        return
    done = subprocess.run([binary("bench_l7_http")], capture_output=True, text=True, check=True)
    for row in done.stdout.splitlines():
        if json.loads(row)["name"].startswith(wanted):
            print(row, flush=True)


def run(options):
    kinds = PEERS if options.peers_only else [*PEERS, Ours]
    effort = QUICK if options.quick else WHOLE
    wanted, medians = options.figure, {}
    if not options.peers_only:
        measure_in_process(wanted)
    with Place() as place:
        loads = "l7.proxy.plain" if wanted.startswith("l7.s") else wanted  # what l7.scaling is made of
        if any(name.startswith(loads) for name in FIGURES):
            for workers in (1, 2) if os.cpu_count() > 1 else (1,):
                measure_workers(place, kinds, workers, loads, effort, medians)
        if "l7.proxy.plain.two" in medians and not options.peers_only:
            one, two = (medians[name][Ours.name] for name in ("l7.proxy.plain", "l7.proxy.plain.two"))
            say("l7.scaling", one / two, "times")
        if LOGGED.startswith(wanted) or wanted.startswith(LOGGED):
            measure_workers(place, kinds, 1, "l7.proxy.plain", effort, {}, logged=True)
        measure_idle(place, kinds, wanted, effort)
        if "l7.allocations".startswith(wanted) and not options.peers_only:
            measure_allocations(place)


def measure_workers(place, kinds, workers, wanted, effort, medians, logged=False):
    if HTTP2_ALONE.startswith(wanted) or wanted.startswith(HTTP2_ALONE):
        kinds = [*HTTP2_PEERS, *kinds]
    proxies = [kind(place, workers, logged) for kind in kinds]
    try:
        for proxy in proxies:
            proxy.start()
        measure(proxies, workers, wanted, effort, medians, ".logged" if logged else "")
    finally:
        for proxy in proxies:
            proxy.stop()


def main(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench l7", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", nargs="?", default="")
    parser.add_argument("--peers-only", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--through-dataplane", action="store_true")
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        sys.exit("tools/bench l7 makes a network namespace and needs root")
    try:
        if options.through_dataplane:
            bench_l7_through.run(options.figure, options.quick)
        else:
            run(options)
    except Failed as failure:
        sys.exit(f"tools/bench l7: a load did not go through whole, so nothing was measured:\n{failure}")


if __name__ == "__main__":
    main(sys.argv[1:])
