"""kill -9 of L7, of mgmt and of the dataplane under load. L4 does not notice L7 dying, and L7 serves again at once; nobody
notices mgmt dying; what the kernel holds of L7's TCP survives a restart of the dataplane."""
import pathlib
import time

import pytest

from lab.standard import WEB as L4_WEB
from lab.wait import until
from lab.web import SHOP, Web

OUTAGE_MAX = 5.0  # seconds; what is measured is printed, and stays far below on a machine with time for it


@pytest.fixture(scope="module")
def web():
    with Web(kernel=False) as running:
        yield running


@pytest.fixture(autouse=True)
def everything_runs(web):
    web.cardea.start_what_ended()


def hold(web, name, address, port, *words):
    return web.load(name, "hold", address, port, "--connections", 8, "--path", "/big", "--pause", 0.05, "--timeout", 40,
                    "--sha256", web.nginx["b1"].big_sha256, *words)


def probe(web, name, address, port, path="/", *words):
    return web.load(name, "probe", address, port, "--every", 0.02, "--timeout", 10, "--path", path, *words)


def errors(line):
    return [entry for entry in line if "error" in entry]


@pytest.mark.parametrize("with_mgmt", [True, False], ids=["with_mgmt", "mgmt_away"])
def test_l4_does_not_notice_l7_dying_and_l7_serves_again(web, with_mgmt, record_property):
    if not with_mgmt:
        web.cardea.kill_mgmt()
    l4_hold, l4_probe = hold(web, "l4", L4_WEB[4], 80), web.load("l4-probe", "probe", L4_WEB[4], 80, "--every", 0.05, "--timeout", 10)
    l7_probe = probe(web, "l7", SHOP[4], 443, "/api/x", *web.tls())
    time.sleep(0.5)
    killed = web.cardea.kill_l7()
    web.cardea.l7.start()
    time.sleep(2)
    line = l7_probe.stop()["line"]
    held, l4_line = l4_hold.stop(), l4_probe.stop()["line"]
    assert held["failed"] == held["corrupt"] == held["moved"] == 0 and errors(l4_line) == [], held
    served = [entry["at"] + entry["took"] for entry in line if entry["at"] > killed and "backend" in entry]
    assert served, "L7 never served again"
    record_property("outage_seconds", round(min(served) - killed, 3))
    print(f"L7 served again {min(served) - killed:.3f} s after its kill -9")
    assert min(served) - killed < OUTAGE_MAX


def test_nobody_notices_mgmt_dying(web):
    loads = [hold(web, "l4", L4_WEB[4], 80), hold(web, "l7", SHOP[4], 443, *web.tls())]
    probes = [web.load("l7-probe", "probe", SHOP[4], 443, "--every", 0.05, "--timeout", 10, "--path", "/api/x", *web.tls())]
    time.sleep(0.5)
    web.cardea.kill_mgmt()
    time.sleep(1)
    web.cardea.mgmt.start()
    web.cardea.until_ready()
    time.sleep(0.5)
    results, lines = [load.stop() for load in loads], [p.stop()["line"] for p in probes]
    assert [r for r in results if r["failed"] or r["corrupt"]] == []
    assert [errors(line) for line in lines] == [[]]


def test_connections_of_l7_survive_the_dataplane(web):
    """Packets stop for a moment; the sockets are the kernel's, and TCP sends again what was lost."""
    holding = web.load("survivors", "hold", SHOP[4], 443, "--connections", 10, "--pause", 0.1, "--timeout", 40, *web.tls())
    time.sleep(1)
    pid = web.cardea.l7.pid
    web.cardea.kill_dataplane()
    web.cardea.dataplane.start()
    web.cardea.until_ready()
    time.sleep(1)
    assert web.get("https://shop.example/api/x")[0] == 200
    time.sleep(1)
    held = holding.stop()
    assert held["failed"] == 0, held
    assert all(client["requests"] > 5 for client in held["clients"])
    assert web.cardea.l7.pid == pid and web.cardea.l7.alive()


def test_idle_it_ends_at_once(web):
    held = web.load("held", "hold", SHOP[4], 443, "--connections", 4, "--pause", 30, "--timeout", 40, *web.tls())
    time.sleep(1)
    began = time.monotonic()
    assert web.cardea.l7.stop(8) == 0, "keep-alive connections without a request hold it up until drain_timeout, 10 s"
    print(f"L7 ended {(time.monotonic() - began) * 1000:.0f} ms after SIGTERM")
    held.stop()


def test_other_shards_need_one_restart_whoever_starts_first(web):
    """The stored plan is older than what waits for a restart: what L7 began with makes way for what mgmt hands over."""
    before = list(web.document["l7"]["shards"])
    stored = web.site.run.state / "l7.plan"
    older = stored.read_bytes()
    try:
        web.document["l7"]["shards"] = before[:1]
        web.cardea.write(web.document)
        web.cardea.reload(check=False)  # waits for the restart
        web.cardea.mgmt.stop()
        web.cardea.l7.stop()
        stored.write_bytes(older)
        web.cardea.l7.start()
        until(lambda: shards_of(web.cardea.l7.pid) == len(before), 10, "the stored plan serves")
        holding = hold(web, "across", SHOP[4], 443, *web.tls())
        time.sleep(0.5)
        web.cardea.mgmt.start()
        web.cardea.until_ready()
        until(lambda: shards_of(web.cardea.l7.pid) == 1, 12, "what the old shards had under way has ended")
        assert web.get("https://shop.example/api/x")[0] == 200
        held = holding.finish()
        assert held["corrupt"] == 0 and held["requests"] > 0, held
        assert [f for f in held["examples"] if f["why"] != "closed before an answer"] == [], held
    finally:
        web.document["l7"]["shards"] = before
        web.cardea.write(web.document)
        web.cardea.reload(check=False)  # waits for the restart
        web.cardea.l7.stop()
        web.cardea.l7.start()
        web.cardea.until_ready()
    assert shards_of(web.cardea.l7.pid) == len(before)


def shards_of(pid):
    names = [path.read_text().strip() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/comm")]
    return len([name for name in names if name.startswith("shard-")])


def test_what_does_not_end_is_cut_at_the_drain_timeout(web):
    web.document["l7"]["drain_timeout"] = "1s"
    try:
        web.reload()
        slow = web.load("cut", "hold", SHOP[4], 443, "--connections", 4, "--path", "/slow", "--seconds", 0.5, "--timeout", 60,
                        "--sha256", web.nginx["b1"].big_sha256, *web.tls())
        time.sleep(2)  # of the 16 that the transfers last
        began = time.monotonic()
        assert web.cardea.l7.stop(10) == 0
        assert time.monotonic() - began > 0.9
        assert slow.finish()["failed"] > 0
    finally:
        del web.document["l7"]["drain_timeout"]
        web.cardea.write(web.document)
        web.cardea.l7.start()
        web.reload(check=False)
        web.cardea.until_ready()


def test_sigterm_lets_exchanges_end(web):
    slow = web.load("slow", "hold", SHOP[4], 443, "--connections", 4, "--path", "/slow", "--seconds", 0.5, "--timeout", 60,
                    "--sha256", web.nginx["b1"].big_sha256, *web.tls())
    time.sleep(8)  # of the 16 that the transfers last
    assert web.cardea.l7.stop(15) == 0
    held = slow.finish()
    web.cardea.l7.start()
    web.cardea.until_ready()
    assert held["corrupt"] == 0
    assert [f for f in held["examples"] if f["why"] != "closed before an answer"] == [], held
