"""The tour behind tools/quickstart: a small site, the product's real processes in it, and what an operator does first.

Each step prints why, the command as anyone could type it, and what it answered; each answer is asserted, in both modes.
`--check` differs only at the end: it clears everything away instead of leaving it to be played with.
"""
import os
import pathlib
import re
import sys
import time

TREE = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TREE / "tests/system"))

from lab import example  # noqa: E402 (the lab is found by the line above)
from lab.cardea import Cardea, binary  # noqa: E402
from lab.namespace import CommandFailed, run  # noqa: E402
from lab.nginx import Nginx  # noqa: E402
from lab.run_dir import RunDir  # noqa: E402
from lab.site import Site  # noqa: E402
from lab.udp_echo import UdpEcho  # noqa: E402
from lab.wait import TimedOut, until  # noqa: E402

PREFIX = "quickstart"
EXAMPLE = TREE / "conf/examples/quickstart.cfg"
HUGEPAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")
HUGEPAGES_WANTED = 256  # of 2 MB
WEB, WEB6, ECHO = "203.0.113.80", "2001:db8:100::80", "203.0.113.80"
SHOP = "203.0.113.81"
REQUESTS = 300
SHARES = {"b1": 3 / 6, "b2": 2 / 6, "b3": 1 / 6}  # weights 3:2:1
TOLERANCE = 0.1  # of so few requests: three standard deviations


class Tour:
    """Numbers the steps, shows commands and answers, and keeps what the steps share."""

    def __init__(self, kept):
        self.number = 0
        self.site = Site(backends=3, prefix=PREFIX if kept else None, kept=kept, shared=example.is_shared(EXAMPLE.name))
        self.cardea = self.authority = None
        self.nginx = {}

    def step(self, title, why):
        self.number += 1
        print(f"\n\033[1m{self.number}. {title}\033[0m\n   {why}" if sys.stdout.isatty() else f"\n{self.number}. {title}\n   {why}",
              flush=True)

    def show(self, command, lines=12, keep=""):
        """Runs a shell command, prints it and (the matching part of) its answer, which is returned whole."""
        print(f"   $ {command}", flush=True)
        answer = run(["bash", "-c", command], timeout=120).stdout
        rows = [row for row in answer.splitlines() if re.search(keep, row)]
        for row in rows[:lines]:
            print(f"     {row}")
        if len(rows) > lines:
            print(f"     ... {len(rows) - lines} lines more")
        return answer

    def client(self, command):
        return f"ip netns exec {self.site.client.name} {command}"

    def https(self, url, words=""):
        """curl that trusts the tour's authority, from the client's place."""
        return self.client(f"curl -sS --max-time 5 --cacert {self.authority.certificate} {words}{url}")


def expect(condition, sentence):
    if not condition:
        raise AssertionError(sentence)


def reserve_hugepages(tour):
    """Returns how many there were, to be put back by --check."""
    before = int(HUGEPAGES.read_text())
    tour.step("Hugepages", "The dataplane's packet buffers live in hugepages when there are some: fewer misses for the processor.")
    if before:
        print(f"   {before} are reserved already; left as they are")
    else:
        HUGEPAGES.write_text(str(HUGEPAGES_WANTED))
        print(f"   none were reserved; asked for {HUGEPAGES_WANTED} of 2 MB, got {HUGEPAGES.read_text().strip()}"
              " (until the next boot; deploy/host-setup makes it last)")
    return before


def make_site(tour):
    tour.step("A site", "A client, the appliance and three nginx backends: each a network namespace, veth pairs for cables.")
    tour.site.build()
    for backend in tour.site.backends:
        tour.nginx[backend.name] = Nginx(tour.site, backend).start()
        UdpEcho(tour.site, backend).start()
    tour.site.client.name_hosts(dict.fromkeys(example.HOSTS, SHOP))
    names = tour.show(f"ip netns list | grep {tour.site.run.prefix}-")
    expect(len(names.splitlines()) == 6, "six namespaces were expected")


def check_configuration(tour):
    tour.step("Configuration", "One file says everything; `cardea check` tells every mistake in it, before anything runs.")
    tour.show(f"grep -m1 -A6 'name = \"web\";' {EXAMPLE.relative_to(TREE)}", lines=10)
    tour.authority = example.issue_certificates(tour.site.run)
    print(f"   certificates for {' and '.join(example.HOSTS)}, by an authority of the tour's own: {tour.authority.folder}")
    tour.cardea = Cardea(tour.site, example.text(EXAMPLE.name, tour.site.run))
    print(f"   $ {tell_cli(tour)}")
    print(f"   the same with those certificates' names, for this run: {tour.cardea.file}")
    said = tour.show(f"cardea check --strict {tour.cardea.file}")
    expect("valid (" in said, f"the file has no mistakes, and yet: {said!r}")


def tell_cli(tour):
    """Lets this process's commands find the CLI, and the CLI this site; returns how anyone does the same."""
    os.environ["PATH"] = f"{binary('cardea').parent}:{os.environ['PATH']}"
    os.environ["CARDEA_API"] = str(tour.cardea.api)
    return f"export PATH={binary('cardea').parent}:$PATH CARDEA_API={tour.cardea.api}"


def start_processes(tour):
    tour.step("Three daemons", "cardea-dataplane moves packets, cardea-l7 speaks TLS and HTTP, cardea-mgmt tells both how; any may die"
              " without the others.")
    tour.cardea.start()
    for daemon in tour.cardea.daemons:
        words = " ".join(daemon.argv).replace(str(TREE) + "/", "")
        print(f"   $ {words}")
    tour.cardea.until_backends("up")
    tour.show("cardea status", lines=20)


def reach_the_service(tour):
    tour.step("A client gets an answer", "Over IPv4 and IPv6; the backend says its name.")
    for host in (WEB, f"[{WEB6}]"):
        answer = tour.show(tour.client(f"curl -sS --max-time 5 http://{host}/"))
        expect(answer.strip() in SHARES, f"a backend's name was expected, not {answer!r}")
    tour.step("UDP as well", "The server answers with its name, and the source it saw: fullnat hides the client behind the appliance.")
    answer = tour.show(tour.client(f"bash -c 'echo hello | socat -t 2 - udp:{ECHO}:53'"))
    expect(answer.split()[0] in SHARES and answer.split()[1] == "10.0.0.1" and "hello" in answer, f"unexpected: {answer!r}")


def count_answers(tour):
    loop = f"for i in $(seq {REQUESTS}); do curl -sS --max-time 5 http://{WEB}/; done | sort | uniq -c"
    answer = tour.show(tour.client(f"bash -c '{loop}'"))
    counts = {name: int(number) for number, name in (row.split() for row in answer.splitlines())}
    expect(sum(counts.values()) == REQUESTS, f"{REQUESTS} answers were expected: {counts}")
    return counts


def see_balance(tour):
    tour.step("Balance", f"{REQUESTS} connections spread as the weights say, 3:2:1.")
    expect_shares(count_answers(tour))


def expect_shares(counts):
    for name, share in SHARES.items():
        expect(abs(counts.get(name, 0) / REQUESTS - share) < TOLERANCE, f"{name} should have {share:.0%}: {counts}")


def lose_a_backend(tour):
    tour.step("A backend dies", "kill -9 of b1's nginx: health checks notice, new connections go to the others.")
    print(f"   $ kill -9 -{tour.nginx['b1'].process.pid}")
    died = time.monotonic()
    tour.nginx["b1"].kill()
    until(lambda: "down" in states(tour, "web", "b1"), 15, "b1 is seen down")
    print(f"   noticed after {time.monotonic() - died:.2f} s")
    tour.show("cardea show backends")
    expect("b1" not in count_answers(tour), "a dead backend was sent a connection")
    tour.step("It comes back", "After enough good checks it gets its share again, and nobody else's connections move.")
    tour.nginx["b1"].start()
    tour.cardea.until_backends("up")
    expect_shares(count_answers(tour))


def states(tour, pool, name):
    address = tour.site.backend(name).address(4) + ":"
    return [row["state"] for row in tour.cardea.backends(pool) if row["address"].startswith(address)]


def ask_why(tour):
    tour.step("Why there?", "`explain` asks the code that forwards: where does this connection go, and why.")
    port = 9000  # below those that the client's kernel gives out, and may have given
    answer = tour.show(f"cardea explain 192.0.2.10:{port} {WEB}:80 tcp", lines=20)
    chosen = tour.cardea.explain(f"192.0.2.10:{port}", f"{WEB}:80")["backend"]
    real = tour.show(tour.client(f"curl -sS --max-time 5 --local-port {port} http://{WEB}/")).strip()
    expect(chosen in answer and chosen.startswith(tour.site.backend(real).address(4)), f"{chosen} was told, {real} answered")


def speak_https(tour):
    tour.step("HTTPS for two hosts", "Packets for 203.0.113.81 are handed to cardea-l7. The name a client asks for chooses the"
              " certificate, which curl verifies; both speak HTTP/2 from there on.")
    for host in example.HOSTS:
        answer = tour.show(tour.https(f"https://{host}/"))
        expect(answer.strip() in SHARES, f"a backend's name was expected, not {answer!r}")
        told = tour.show(tour.https(f"https://{host}/", "-v -o /dev/null ") + " 2>&1", keep=r"subject:|SSL connection using|verify ok|server accepted")
        expect(f"CN={host}" in told.replace(" ", "") and "verify ok" in told, f"{host} did not show its certificate:\n{told}")
        expect("server accepted h2" in told, f"{host} does not speak HTTP/2:\n{told}")


def follow_routes(tour):
    tour.step("Routes", "Host and path choose what becomes of a request: /api/ is answered by b1 or b2, /images/ by b3, /terms/ with a"
              " file of this host, all else by any of the three.")
    for path, who in (("/api/orders", {"b1", "b2"}), ("/images/logo", {"b3"}), ("/pages/start", set(SHARES))):
        answer = tour.show(tour.https(f"https://shop.example{path}"))
        expect(answer.split()[0] in who and answer.split()[2] == path, f"one of {who} was expected, not {answer!r}")
    head = tour.show(tour.https("https://shop.example/terms/GPL-3", "-I "), keep="^HTTP|cache-control|etag|content-length")
    expect("200" in head and "etag" in head.lower(), f"the file was not sent:\n{head}")
    routes = tour.show("cardea show routes")
    expect("/api/" in routes and "/images/" in routes, "the routes are not all listed")


def outlive_the_backend(tour):
    tour.step("A cached object", "Each answer of b3 has a number of its own; it allows to keep pictures. b3 is killed: what is kept is"
              " still served.")
    picture = "https://shop.example/images/kept"
    first = tour.show(tour.https(picture))
    print(f"   $ kill -9 -{tour.nginx['b3'].process.pid}")
    tour.nginx["b3"].kill()
    kept = tour.show(tour.https(picture))
    expect(kept == first, f"{first!r} was kept, {kept!r} came")
    other = tour.show(tour.https("https://shop.example/images/other", "-o /dev/null -w '%{http_code}\\n' "))
    expect(other.strip() in ("502", "503"), f"nobody can answer this one, but {other!r} came")
    cache = tour.show("cardea show cache")
    expect("edge" in cache, "the cache is not listed")
    tour.nginx["b3"].start()
    tour.cardea.until_backends("up")
    purged = tour.show(f"cardea purge {picture}")
    again = tour.show(tour.https(picture))
    expect("1" in purged and again.startswith("b3 image") and again != first, f"after the purge {again!r} came")


def ask_why_of_a_url(tour):
    tour.step("Why this answer?", "`explain METHOD URL` walks through the request without sending it: listener, route, cache, backend.")
    answer = tour.show("cardea explain GET https://shop.example/api/orders", lines=20)
    told = tour.cardea.explain_url("GET", "https://shop.example/api/orders")
    expect(told["route"] == "api" and told["pool"] == "api" and "route api of service shop" in answer, f"unexpected: {told}")
    print("   and what did happen is in the access log, a line of JSON an exchange:")
    log = tour.show(f"grep -F /api/orders {tour.site.run.logs}/access.log | tail -1")
    expect('"route":"api"' in log and '"status":200' in log, f"the log says otherwise: {log!r}")


def be_protected(tour):
    tour.step("Protection", "Every address has three searches at once, and browsers are told to be strict with what they get."
              " Who was refused is remembered.")
    search = "https://shop.example/pages/search?q=tea"
    head = tour.show(tour.https(search, "-o /dev/null -D - "), keep="(?i)^HTTP|strict-transport|x-frame|nosniff")
    expect("strict-transport-security" in head.lower(), f"the strict headers are not there:\n{head}")
    for _ in range(2):
        expect("200" in tour.show(tour.https(search, "-o /dev/null -w '%{http_code}\\n' ")), "three searches are allowed")
    refused = tour.show(tour.https(search, "-o /dev/null -D - "), keep="(?i)^HTTP|retry-after")
    expect("429" in refused and "retry-after" in refused.lower(), f"the fourth was not refused:\n{refused}")
    expect("rate_limited" in tour.show("cardea show exchanges --kind refused --limit 1"), "the refusal is not remembered")


def see_certificates(tour):
    tour.step("Certificates", "Whose, until when; a warning comes in time, and new files are served within seconds without a lost connection.")
    shown = tour.show("cardea show certs")
    expect(all(host in shown for host in example.HOSTS), "the certificates are not all listed")


def read_metrics(tour):
    tour.step("Metrics", "One page for Prometheus: traffic, backends, routes, the cache, certificates, drops by reason, how busy the"
              " cores are.")
    command = f"ip netns exec {tour.site.lb.name} curl -sSf http://127.0.0.1:9477/metrics"
    page = tour.show(command, lines=24, keep=r'^cardea_(backend_up|service_flows_total|drops_total.* [1-9]|config_generation|core_busy|'
                     r'l7_route_requests_total|l7_cache_requests_total.* [1-9]|l7_certificate)')
    for name in ("cardea_service_flows_total", "cardea_backend_up", "cardea_l7_route_requests_total",
                 "cardea_l7_certificate_not_after_seconds"):
        expect(name in page, f"the page lacks {name}")


def farewell(tour):
    print(f"""
It runs on. Things to try:
   {tour.client(f"curl http://{WEB}/")}
   {tour.https("https://shop.example/pages/hello")}
   {tell_cli(tour)}
   cardea show flows
   cardea tail 'status >= 400'
   cardea set backend web/{tour.site.backend('b2').address(4)}:8080 drain
   edit {tour.cardea.file}, then: cardea reload
   logs: {tour.site.run.logs}
Stop it: tools/quickstart --stop""")


def walk(tour):
    make_site(tour)
    check_configuration(tour)
    start_processes(tour)
    reach_the_service(tour)
    see_balance(tour)
    lose_a_backend(tour)
    ask_why(tour)
    speak_https(tour)
    follow_routes(tour)
    outlive_the_backend(tour)
    ask_why_of_a_url(tour)
    be_protected(tour)
    see_certificates(tour)
    read_metrics(tour)


def stop():
    run_left = RunDir.named(PREFIX)
    if run_left:
        run_left.clear()
    print("stopped, nothing is left" if run_left else "nothing was running")


def tell_failure(tour, error):
    print(f"\nFAILED in step {tour.number}: {error}", file=sys.stderr)
    for daemon in tour.cardea.daemons if tour.cardea else ():
        print(f"--- end of {daemon.name}'s log\n{daemon.tail(15)}", file=sys.stderr)


def main(arguments):
    os.chdir(TREE)  # the commands shown are to be typed from there
    if "--stop" in arguments:
        return stop()
    check = "--check" in arguments
    if not check and RunDir.named(PREFIX):
        print("an earlier tour is still running; it is stopped first")
        stop()
    tour = Tour(kept=not check)
    hugepages = reserve_hugepages(tour)
    done = False
    try:
        walk(tour)
        done = True
    except (AssertionError, CommandFailed, TimedOut, FileNotFoundError, OSError) as error:
        tell_failure(tour, error)
    finally:
        if check or not done:
            tour.site.run.clear()
            HUGEPAGES.write_text(str(hugepages))
    if done:
        print(f"\nall {tour.number} steps passed; everything is cleared away" if check else "", end="\n" if check else "")
        return None if check else farewell(tour)
    sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
