"""Ports shared with the kernel: the interface stays the host's own, layer 4 is taken from under it, and L7 answers on it without
a detour. Who answers what; the dataplane killed, reloaded without pause and ended orderly, and never a reset for layer 4."""
import re
import time

import pytest
from lab import packets
from lab.alone import TUNNEL, Alone, image
from lab.namespace import CommandFailed
from lab.process import Process
from lab.site import CLIENT_HOST, LB_HOST, SERVICES, WAN
from lab.standard import WEB
from lab.wait import until
from lab.web import SHOP, Web, http_service

NICS = ("nic-wan", "nic-lan")
PASSING = SERVICES.address(30, 4)  # an l4 service that comes and goes, with its address
RELOADS = 60


@pytest.fixture(scope="module")
def web():
    def by_the_client(document):
        document["dataplane"]["ports"][0]["gateway"] = [WAN.address(CLIENT_HOST, family) for family in (4, 6)]
    with Web(kernel=False, device="net_af_xdp shared", change=by_the_client) as running:
        running.site.client.ip(f"route replace {PASSING} via {WAN.address(LB_HOST, 4)}")
        yield running


@pytest.fixture(autouse=True)
def everything_runs(web):
    web.cardea.start_what_ended()


class Resets:
    """Those that the lb's kernel itself sends from service addresses; what leaves by AF_XDP passes tcpdump by."""

    def __init__(self, web):
        self.web = web
        self.program = Process(web.site.run, "resets", web.site.lb.command(
            "tcpdump", "-l", "-n", "--immediate-mode", "-i", "nic-wan", "-Q", "out",
            f"tcp[tcpflags] & tcp-rst != 0 and (src host {WEB[4]} or src host {PASSING})"))

    def __enter__(self):
        self.program.log.unlink(missing_ok=True)
        self.program.start()
        until(lambda: "listening on" in self.program.tail(), 10, "tcpdump listens")
        return self

    def __exit__(self, *_):
        self.program.stop()

    def seen(self):
        """By service address and port. A reset that is due, of a port that nobody serves, ends the watch."""
        self.web.site.client.run("curl", "-s", "--max-time", "5", f"http://{WEB[4]}:81/", check=False)
        until(lambda: f"{WEB[4]}.81 >" in self.program.log.read_text(), 5, "the watcher sees a reset")
        found = set(re.findall(r"IP (\S+) > \S+: Flags \[R", self.program.log.read_text()))
        return found - {f"{WEB[4]}.81"}


def errors(line):
    return [entry for entry in line if "error" in entry]


def links(web):
    """By name, what `ip link` says of the lb's interfaces."""
    text = web.site.lb.run("ip", "-o", "link").stdout
    return {line.split(": ")[1].split("@")[0]: line for line in text.splitlines()}


def addresses(web, nic):
    return set(re.findall(r"inet6? (\S+) .*scope global", web.site.lb.run("ip", "-o", "addr", "show", "dev", nic).stdout))


def taken(web):
    """How many packets came in by the two ports, by what the program took them for."""
    page = web.metrics()
    return {reason: page.total("cardea_shared_packets_total", reason=reason) for reason in ("service", "nat", "kernel")}


def test_the_interface_is_the_ports_own_and_there_is_no_other(web):
    assert set(links(web)) == {"lo", *NICS}
    assert {WAN.with_length(LB_HOST, 4), f"{WEB[4]}/32", f"{SHOP[4]}/32"} <= addresses(web, "nic-wan")
    assert WAN.with_length(LB_HOST, 6) in addresses(web, "nic-wan")
    for nic in NICS:
        assert "PROMISC" not in links(web)[nic] and "NOARP" not in links(web)[nic]
    assert "shared with Linux" in web.cardea.run("status").stdout


@pytest.mark.parametrize("family", [4, 6])
def test_the_kernel_answers_pings(web, family):
    for address in (WAN.address(LB_HOST, family), SHOP[family]):
        web.site.client.run("ping", "-c", "3", "-i", "0.1", "-W", "5", address)


@pytest.mark.parametrize("port", [22, 2222], ids=["below", "among_nat_ports"])
def test_clients_reach_programs_of_the_host(web, port):
    server = Process(web.site.run, f"echo{port}", web.site.lb.command(
        "socat", f"TCP-LISTEN:{port},bind={WAN.address(LB_HOST, 4)},fork,reuseaddr", "EXEC:cat")).start()
    until(lambda: f":{port} " in web.site.lb.run("ss", "-Htln").stdout, 5, "socat listens")
    try:
        said = "".join(f"line {number}\n" for number in range(2000))
        got = web.site.client.run("socat", "-t", "5", "-", f"TCP:{WAN.address(LB_HOST, 4)}:{port}", stdin=said)
        assert got.stdout == said
    finally:
        server.stop()


def test_both_layers_serve_and_the_program_tells_them_apart(web):
    before = taken(web)
    assert web.get("https://shop.example/api/x")[0] == 200
    assert web.load("l4", "connect", WEB[4], 80, "--connections", 200).finish()["failed"] == 0

    def grown(reason, by):
        return taken(web)[reason] >= before[reason] + by
    until(lambda: grown("service", 200 * 4) and grown("nat", 200 * 3) and grown("kernel", 10), 5, "each is counted")


def test_large_bodies_are_whole_on_both_layers(web):
    sums = "--sha256", web.nginx["b1"].big_sha256
    for name, where, port, words in (("l4", WEB[4], 80, ()), ("l7", SHOP[4], 443, web.tls())):
        held = web.load(name, "hold", where, port, "--connections", 4, "--path", "/big", "--seconds", 2, "--timeout", 30, *sums,
                        *words).finish()
        assert held["requests"] > 4 and held["failed"] == held["corrupt"] == 0, held


def test_l7_does_not_notice_the_dataplane_dying_and_no_reset_is_sent_for_layer_four(web):
    with Resets(web) as resets:
        held = web.load("l7-hold", "hold", SHOP[4], 443, "--connections", 10, "--pause", 0.02, "--timeout", 20, *web.tls())
        l7 = web.load("l7", "probe", SHOP[4], 443, "--every", 0.05, "--timeout", 10, "--path", "/api/x", *web.tls())
        web.load("l4-before", "connect", WEB[4], 80, "--connections", 50).finish()
        web.cardea.kill_dataplane()
        l4 = web.load("l4", "probe", WEB[4], 80, "--every", 0.05, "--timeout", 20)
        time.sleep(2)
        web.cardea.dataplane.start()
        web.cardea.until_ready()
        assert l4.stop()["line"][0]["backend"], "what came meanwhile came again"
        assert resets.seen() == set()
    line, kept = l7.stop()["line"], held.stop()
    assert errors(line) == [] and [entry for entry in line if entry["syns_again"]] == [], "none was lost"
    assert kept["failed"] == 0 and len(line) > 20
    until(lambda: web.metrics().total("cardea_shared_unattended_packets_total", port="wan") > 10, 5, "what was dropped is counted")
    assert "packets while no dataplane ran by port wan" in web.cardea.run("status").stdout


def change(web, number):
    web.document["services"] = [s for s in web.document["services"] if not s["name"].startswith("passing")]
    if number % 2 == 0:
        web.document["services"].append({"name": "passing", "mode": "l4", "forward": "fullnat", "pool": "web",
                                         "listen": [f"{PASSING}:80/tcp"]})
    if number % 3 == 0:
        web.document["services"].append(http_service("passing7", [f"{SHOP[4]}:{9000 + number}/tcp"], pool="api"))
    for backend in web.pool("web")["backends"][1:]:
        backend["weight"] = number % 5


def test_reloads_disturb_nobody_and_no_reset_is_sent_for_layer_four(web):
    with Resets(web) as resets:
        l7 = web.load("l7", "probe", SHOP[4], 443, "--every", 0.05, "--timeout", 20, "--path", "/api/x", *web.tls())
        l4 = web.load("l4", "probe", WEB[4], 80, "--every", 0.05, "--timeout", 20)
        passing = web.load("passing", "probe", PASSING, 80, "--every", 0.01, "--timeout", 0.3)
        for number in range(RELOADS):
            change(web, number)
            web.reload()
            time.sleep(0.1)  # a few connections under each plan
        lines = [load.stop()["line"] for load in (l7, l4)]
        times_served = sum("backend" in entry for entry in passing.stop()["line"])
        assert resets.seen() == set()
    assert [errors(line) for line in lines] == [[], []] and min(map(len, lines)) > 20
    assert times_served > 20, "it was there every other time"


def port_of(web, name):
    return next(port for port in web.cardea.cli("status")["ports"] if port["name"] == name)


def set_mac(web, nic, mac):
    web.site.lb.ip(f"link set {nic} address {mac}")
    until(lambda: port_of(web, nic.removeprefix("nic-"))["mac"] == mac, 5, "the dataplane knows the new link address")
    for namespace in (web.site.client, *(backend.namespace for backend in web.site.backends)):
        namespace.ip("neigh flush all")


@pytest.mark.parametrize("nic", NICS)
def test_another_link_address_is_followed(web, nic):
    before = packets.hardware_address(web.site.lb, nic)
    with Resets(web) as resets:
        for mac in ("02:00:00:00:08:15", before):
            set_mac(web, nic, mac)
            assert web.load("l4", "connect", WEB[4], 80, "--connections", 20).finish()["failed"] == 0
            assert web.get("https://shop.example/api/x")[0] == 200
            assert packets.hardware_address(web.site.lb, nic) == mac, "it stays as it was set"
        assert resets.seen() == set()


def test_a_smaller_mtu_is_followed_and_a_larger_one_is_the_ports_own(web):
    try:
        for mtu, followed in ((1400, 1400), (1600, 1500), (1500, 1500)):
            web.site.lb.ip(f"link set nic-lan mtu {mtu}")
            until(lambda followed=followed: port_of(web, "lan")["mtu"] == followed, 5, f"the port goes by an MTU of {followed}")
            assert web.load("l4", "connect", WEB[4], 80, "--connections", 20).finish()["failed"] == 0
    finally:
        web.site.lb.ip("link set nic-lan mtu 1500")


def default_routes(web):
    return [web.site.lb.run("ip", family, "route", "show", "default").stdout.strip() for family in ("-4", "-6")]


@pytest.mark.parametrize("nic", NICS)
def test_who_is_set_down_and_up_has_all_that_is_ours_again(web, nic):
    """Linux takes IPv6 addresses and routes away meanwhile."""
    had, routes = addresses(web, nic), default_routes(web)
    assert len(had) > 1 and all("via" in route for route in routes)
    web.site.lb.ip(f"link set {nic} down")
    until(lambda: port_of(web, nic.removeprefix("nic-"))["link"] == "down", 5, "the port has lost its link")
    web.site.lb.ip(f"link set {nic} up")
    until(lambda: (addresses(web, nic), default_routes(web)) == (had, routes), 5, "addresses and routes are there again")
    web.cardea.until_backends("up")
    for address in (WEB[4], SHOP[4]):
        until(lambda address=address: web.load("l4", "connect", address, 80, "--connections", 5).finish()["failed"] == 0, 10,
              "clients are served again")
    assert web.load("l4", "connect", WEB[4], 80, "--connections", 50).finish()["failed"] == 0
    web.site.client.run("ping", "-c", "1", "-W", "5", WAN.address(LB_HOST, 6))


def test_an_orderly_end_gives_the_interface_back(web):
    own = f"{WAN.address(77, 4)}/24"
    web.site.lb.ip(f"addr add {own} dev nic-wan")
    before = {nic: re.search(r"link/ether (\S+)", links(web)[nic])[1] for nic in NICS}
    assert all(" xdp" in links(web)[nic] for nic in NICS), links(web)
    with Resets(web) as resets:
        l4 = web.load("l4", "probe", WEB[4], 80, "--every", 0.01, "--timeout", 1)
        time.sleep(0.5)
        assert web.cardea.dataplane.stop() == 0
        time.sleep(0.5)
        served = ["backend" in entry for entry in l4.stop()["line"]]
        assert any(served) and not all(served)
        log = resets.program.log.read_text()
        assert f"{WEB[4]}.80 >" not in log, log
    for nic in NICS:
        link = links(web)[nic]
        assert " xdp" not in link and "PROMISC" not in link and "NOARP" not in link, link
        assert before[nic] in link
        neighbours = web.site.lb.run("ip", "neighbour", "show", "dev", nic).stdout
        assert "managed" not in neighbours, neighbours
    assert addresses(web, "nic-wan") == {own} and addresses(web, "nic-lan") == set()
    with pytest.raises(CommandFailed):
        web.site.client.run("ping", "-c", "1", "-W", "1", WAN.address(LB_HOST, 4))
    web.site.client.run("ping", "-c", "1", "-W", "5", WAN.address(77, 4))
    web.site.lb.ip(f"addr del {own} dev nic-wan")


@pytest.fixture(scope="module")
def alone():
    with Alone("net_af_xdp shared", [0]) as running:
        yield running


def test_tunnels_carry_what_the_interfaces_mtu_leaves_them(alone):
    alone.site.lb.ip("link set nic-lan mtu 1400")
    until(lambda: "nic-lan has another link address or MTU" in alone.dataplane.tail(), 5, "the dataplane goes by it")
    asked = alone.site.client.run("curl", "-sS", "--max-time", "10", "-H", "X-Long: " + "x" * 6000, f"http://{TUNNEL[4]}/", timeout=20)
    assert asked.stdout.strip() in {backend.name for backend in alone.site.backends}
    assert " mtu 1380" in alone.site.client.run("ip", "route", "get", TUNNEL[4]).stdout
    alone.site.lb.ip("link set nic-lan mtu 1500")


def test_a_start_that_fails_leaves_nothing_that_answers_for_layer_four(alone):
    """Behind a killed process: the first port opens, and takes the old program's place; the second does not."""
    assert addresses(alone, "nic-wan") and " xdp" in links(alone)["nic-wan"]
    alone.dataplane.kill()
    plan = image(alone.site, alone.device, alone.workers)
    plan["ports"][1]["mtu"] = 1600
    plan["ports"][1]["device"] += ",queue_count=2"  # of one
    alone.store_plan(plan)
    alone.dataplane.start()
    until(lambda: "its MTU of 1500 is less than the port's 1600" in alone.dataplane.tail(), 20, "the start comes to the second port")
    until(lambda: " xdp" not in links(alone)["nic-wan"], 10, "the first port is closed")
    assert " mtu 1500 " in links(alone)["nic-lan"]
    assert addresses(alone, "nic-wan") == set()
