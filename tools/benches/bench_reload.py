"""What tools/bench reload runs: a large site is changed and reloaded, by ours and by Debian's HAProxy and nginx in turns.

The site: 1,000 https services, each on a port of its own with a certificate of its own and ten routes by path. A reload is
timed as a client sees it: from the order until a new connection is answered by the new configuration (one route is given to
another backend each time, which says so); ours also until `cardea reload` has returned. Medians over rounds; `ratio` is ours
divided by the peer's, below 1 is better.
One JSON object a line:
    reload.routes         every route's path changed, certificates as they were
    reload.certificates   the same, and every certificate and key file is another
    reload.whole          reload.routes together with 1,000 l4 services on a dataplane of its own; nobody to compare with
A figure's name as argument measures what begins with it, such as "reload.whole".
"""
import argparse
import concurrent.futures
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import time

from l7_place import LOAD_CORE, PROXY_CORES, Place
from lab.authority import Authority
from lab.cardea import Cardea, binary

SERVICES, ROUTES = 1000, 10
ORIGINS = {"odd": 9001, "even": 9002}
ROUNDS = 5
CORES = PROXY_CORES[2]
CLONE_NEWNET = 0x40000000  # sched.h
SECONDS = 60  # no reload takes longer

ORIGIN = """\
daemon off; user root; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 1000; }}
http {{
  access_log off; default_type text/plain;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{odd}; return 200 "odd"; }}
  server {{ listen 127.0.0.1:{even}; return 200 "even"; }}
}}
"""


def say(name, ms, **more):
    print(json.dumps({"name": name, "value": round(ms, 1), "unit": "ms", **more}), flush=True)


def origin_of(generation):
    return "odd" if generation % 2 else "even"


def paths_of(generation):
    """The last of a service's routes tells which generation answered."""
    return [f"/g{generation}/area{number}" for number in range(ROUTES - 1)] + ["/probe"]


class Certificates:
    """Two sets of pairs; `use` puts one of them in place."""

    def __init__(self, folder):
        self.folder = folder
        self.sets = [folder / "first", folder / "second"]
        authorities = [Authority(path) for path in self.sets]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
            for authority in authorities:
                list(workers.map(lambda number, by=authority: by.issue(f"s{number}", [f"s{number}.example"]), range(SERVICES)))
        self.use(0)

    def use(self, which):
        for number in range(SERVICES):
            for ending in ("crt", "key"):
                new = self.folder / "new"
                shutil.copyfile(self.sets[which] / f"s{number}.{ending}", new)
                new.rename(self.path(number, ending))

    def path(self, number, ending):
        return self.folder / f"s{number}.{ending}"


class Contender:
    """One proxy with the large site: `start`, then `reload` for a generation after the other."""

    name = ""
    first_port = 0

    def __init__(self, place, certificates):
        self.place, self.certificates = place, certificates
        self.folder = place.folder(self.name)
        self.generation = 1

    def port(self, number):
        return self.first_port + number

    def probe(self):
        """Who answered a new connection, or None."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with socket.create_connection(("127.0.0.1", self.port(0)), timeout=2) as plain, \
                    context.wrap_socket(plain, server_hostname="s0.example") as stream:
                stream.sendall(b"GET /probe HTTP/1.1\r\nHost: s0.example\r\nConnection: close\r\n\r\n")
                answer = b""
                while piece := stream.recv(4096):
                    answer += piece
                return answer.partition(b"\r\n\r\n")[2].decode()
        except OSError:
            return None

    def until_answers(self):
        deadline = time.monotonic() + SECONDS
        while self.probe() != origin_of(self.generation):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} does not serve generation {self.generation}:\n{self.tail()}")
            time.sleep(0.001)

    def next(self):
        """The next generation's document is in place; nothing knows yet."""
        self.generation += 1
        self.write()

    def timed_reload(self):
        began = time.monotonic()
        order = self.order()
        self.until_answers()
        if order:
            order.wait(SECONDS)  # what else has to adopt has done so
        return (time.monotonic() - began) * 1000


class Forking(Contender):
    """A master process that is told by a signal to start new workers."""

    told_by = None

    def start(self):
        self.write()
        self.process = self.place.process(self.name, CORES, *self.command()).start()
        self.until_answers()
        return self

    def order(self):
        os.kill(self.process.pid, self.told_by)

    def stop(self):
        self.process.stop()

    def tail(self):
        return self.process.tail()


class Haproxy(Forking):
    name, first_port, told_by = "haproxy", 16000, signal.SIGUSR2

    def write(self):
        text = ["global", "  nbthread 1", "  maxconn 4000", "  ssl-load-extra-del-ext", "  hard-stop-after 1s", "defaults",
                "  mode http", "  timeout connect 5s", "  timeout client 60s", "  timeout server 60s"]
        text += [line for origin, port in ORIGINS.items() for line in (f"backend {origin}", f"  server one 127.0.0.1:{port}")]
        for number in range(SERVICES):
            text += [f"frontend s{number}",
                     f"  bind 127.0.0.1:{self.port(number)} ssl crt {self.certificates.path(number, 'crt')} alpn http/1.1"]
            text += [f"  use_backend {origin_of(self.generation)} if {{ path_beg {path} }}" for path in paths_of(self.generation)]
        (self.folder / "haproxy.cfg").write_text("\n".join(text) + "\n")

    def command(self):
        return ["haproxy", "-W", "-db", "-f", self.folder / "haproxy.cfg"]


class Nginx(Forking):
    name, first_port, told_by = "nginx", 18000, signal.SIGHUP

    def write(self):
        folder = self.folder
        text = [f"daemon off; user root; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;",
                "worker_rlimit_nofile 20000; events { worker_connections 8000; }", "http { access_log off;"]
        text += [f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
        for number in range(SERVICES):
            pair = [self.certificates.path(number, ending) for ending in ("crt", "key")]
            text += [f"server {{ listen 127.0.0.1:{self.port(number)} ssl;",
                     f"  ssl_certificate {pair[0]}; ssl_certificate_key {pair[1]};"]
            text += [f"  location {path} {{ proxy_pass http://127.0.0.1:{ORIGINS[origin_of(self.generation)]}; }}"
                     for path in paths_of(self.generation)]
            text += ["}"]
        (folder / "nginx.conf").write_text("\n".join([*text, "}"]) + "\n")

    def command(self):
        return ["nginx", "-p", self.folder, "-c", self.folder / "nginx.conf"]


class Ours(Contender):
    name, first_port = "cardea", 14000

    def write(self):
        text = self.document()
        if hasattr(self, "cardea"):
            self.cardea.write(text)
        else:
            self.cardea = Cardea(self.place, text)

    def start(self):
        shutil.rmtree(self.place.run.state)
        self.place.run.state.mkdir()
        self.write()
        self.cardea.start()
        self.until_answers()
        return self

    def order(self):
        return subprocess.Popen([str(word) for word in self.place.lb.command(
            binary("cardea"), "--api", self.cardea.api, "reload")], stdout=subprocess.DEVNULL)

    def stop(self):
        self.cardea.stop()

    def tail(self):
        return "\n".join(daemon.tail() for daemon in self.cardea.daemons)

    def document(self):
        return {"cluster": {"name": "bench", "seed": "bench"}, "l7": {"shards": [0], "transport": "kernel"},
                "pools": self.pools(), "services": self.services(), "mgmt": {"metrics": "127.0.0.1:9477"}}

    def pools(self):
        return [{"name": name, "backends": [{"address": f"127.0.0.1:{port}"}]} for name, port in ORIGINS.items()]

    def services(self):
        origin = origin_of(self.generation)
        return [{"name": f"s{number}", "mode": "http", "listen": [f"127.0.0.1:{self.port(number)}/tcp"],
                 "tls": {"certificates": [{kind: str(self.certificates.path(number, ending))
                                           for kind, ending in (("cert", "crt"), ("key", "key"))}]},
                 "routes": [{"name": f"r{at}", "match": {"path": path}, "pool": origin}
                            for at, path in enumerate(paths_of(self.generation))]} for number in range(SERVICES)]


class Whole(Ours):
    """With as many l4 services, each with a pool of its own, on a dataplane that has a port without a network."""

    def document(self):
        port = {"name": "null", "device": "net_null0,no-rx=1", "addresses": ["198.18.0.1/16"]}
        return {**super().document(), "dataplane": {"workers": [1], "flows": 10000, "ports": [port]}}

    def pools(self):
        backends = [f"198.18.1.{number}:80" for number in range(1, 11)]
        return super().pools() + [{"name": f"p{number}", "health": {"type": "none"}, "backends": [
            {"address": address, "weight": 1 + (self.generation + at) % 2} for at, address in enumerate(backends)]}
            for number in range(SERVICES)]

    def services(self):
        return super().services() + [
            {"name": f"l{number}", "mode": "l4", "listen": [f"203.0.113.1:{1 + number}/tcp"], "forward": "fullnat",
             "pool": f"p{number}"} for number in range(SERVICES)]


def start_origins(place):
    folder = place.folder("origins")
    (folder / "nginx.conf").write_text(ORIGIN.format(folder=folder, **ORIGINS))
    process = place.process("origins", LOAD_CORE, "nginx", "-p", folder, "-c", folder / "nginx.conf").start()
    place.until_listens(process, ORIGINS["even"])


def measure(name, contenders, certificates, other_files):
    samples = {one.name: [] for one in contenders}
    for number in range(ROUNDS + 1):  # the first warms up and is not counted
        for one in contenders:
            one.next()
        if other_files:
            certificates.use((number + 1) % 2)
        for one in contenders:
            took = one.timed_reload()
            if number:
                samples[one.name].append(took)
            time.sleep(1)  # a peer's old processes end
    medians = {who: statistics.median(many) for who, many in samples.items()}
    ours = medians.pop(Ours.name)
    for peer, theirs in medians.items():
        say(name, ours, peer=peer, ratio=round(ours / theirs, 3), peer_value=round(theirs, 1))
    if not medians:
        say(name, ours)


def run_with(place, kinds, certificates, figures):
    contenders = []
    try:
        for kind in kinds:
            contenders.append(kind(place, certificates))
            contenders[-1].start()
        for name, other_files in figures:
            measure(name, contenders, certificates, other_files)
    finally:
        for one in contenders:
            one.stop()


def run(wanted):
    def chosen(*figures):
        return [figure for figure in figures if figure[0].startswith(wanted)]
    with Place() as place, inside(place):
        start_origins(place)
        certificates = Certificates(place.folder("pairs"))
        if figures := chosen(("reload.routes", False), ("reload.certificates", True)):
            run_with(place, [Haproxy, Nginx, Ours], certificates, figures)
        if figures := chosen(("reload.whole", False)):
            run_with(place, [Whole], certificates, figures)


@contextlib.contextmanager
def inside(place):
    """This program itself is a client in the namespace; it leaves again, for who clears a place ends all that is there."""
    with open("/proc/self/ns/net") as outside, open(pathlib.Path("/run/netns") / place.lb.name) as namespace:
        enter(namespace)
        try:
            yield
        finally:
            enter(outside)


def enter(namespace):
    if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"cannot enter {namespace.name}")


def main(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench reload", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", nargs="?", default="")
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        sys.exit("tools/bench reload makes a network namespace and needs root")
    wanted = options.figure if not options.figure or options.figure.startswith("reload.") else f"reload.{options.figure}"
    run(wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
