"""A cardea-l7 hands over to another, as an upgrade does: under load, with every kind of connection open, and with successors that
fail. No request is lost, and what fails leaves the process that serves as it was."""
import json
import os
import signal
import time

import pytest

from lab.cardea import binary
from lab.namespace import run
from lab.process import Process
from lab.wait import until
from lab.web import SHOP, Web
from lab.wrk import Hey, Wrk

HAND_OVERS = 5


@pytest.fixture(scope="module", params=["kernel", "userspace"])
def web(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CARDEA_L7_TRANSPORT", request.param)
        web = Web(change=lambda document: document["l7"].update(hand_over_timeout="5s"))
    with web:
        web.serving = Serving(web)
        yield web
        web.serving.end()


class Serving:
    """Which process is the one that serves now."""

    def __init__(self, web):
        self.web = web
        self.pid, self.left = web.cardea.l7.pid, None

    def hand_over(self, check=True):
        until(lambda: not (self.left and alive(self.left)), 20, "the one before has ended")
        done = run(self.command(), check=check, timeout=60)
        if done.returncode == 0:
            self.took_over(json.loads(done.stderr[done.stderr.rindex("{"):])["pid"])
        return done

    def command(self):
        run_dir = self.web.site.run
        return [str(word) for word in self.web.site.lb.command(
            binary("cardea-l7"), "--run-dir", run_dir.sockets, "--state-dir", run_dir.state, "--hand-over")]

    def took_over(self, pid):
        assert pid != self.pid
        self.left, self.pid = self.pid, pid
        self.web.site.run.record("cardea-l7", pid)

    def end(self):
        os.kill(self.pid, signal.SIGTERM)
        until(lambda: not alive(self.pid), 20, "the last cardea-l7 has ended")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def told(web):
    row = next(row for row in web.cardea.cli("status")["processes"] if row["name"] == "l7")
    return row["pid"] if row["connected"] and row["in_sync"] else None


def test_no_request_is_lost_by_hand_overs_under_load(web):
    generators = [Wrk(web.site, "kept", "https://shop.example/pages/x", 120, connections=4).start(),
                  Wrk(web.site, "closing", "https://shop.example/api/x", 120, connections=2, close=True).start(),
                  Hey(web.site, "images", "https://shop.example/images/x", 120, connections=2, rate=50).start()]
    holding = web.load("hold", "hold", SHOP[4], 443, "--connections", 12, "--path", "/big", "--pause", 0.2, "--timeout", 60,
                       "--sha256", web.nginx["b1"].big_sha256, "--reopen", *web.tls())
    probing = web.load("probe", "probe", SHOP[4], 443, "--every", 0.02, "--path", "/api/x", "--timeout", 20, *web.tls())
    for _ in range(HAND_OVERS):
        web.serving.hand_over()
        until(lambda: told(web) == web.serving.pid, 20, "mgmt is connected to the new one, and in step")
        time.sleep(0.2)
    results = [generator.stop() for generator in generators]
    line, held = probing.stop()["line"], holding.stop()
    assert [r["text"] for r in results if r["failed"] or not r["requests"]] == []
    assert held["failed"] == held["corrupt"] == 0 and held["reopened"] >= 12, held
    assert [entry for entry in line if "error" in entry] == []
    print(f"longest wait of a new connection {max(entry['took'] for entry in line):.3f} s")


def test_http2_is_told_to_go_and_loses_nothing(web):
    """What a GOAWAY says was not taken curl asks again, on a new connection."""
    asked = [Process(web.site.run, f"curl-{name}", web.site.client.command(
        "curl", "-sS", "--no-progress-meter", "--http2", "--cacert", web.authority.certificate, "-o", "/dev/null", "-w", "%{http_version} %{http_code}\\n", *words,
        f"https://shop.example/api/[1-{count}]")) for name, count, words in (("one", 300, ["--rate", "100/s"]), ("many", 6000, ["-Z", "--parallel-max", "20"]))]
    for process in asked:
        process.start()
    for _ in range(2):
        time.sleep(0.5)
        web.serving.hand_over()
    assert [process.wait(60) for process in asked] == [0, 0]
    for process, count in zip(asked, (300, 6000), strict=True):
        assert process.log.read_text().splitlines().count("2 200") == count, process.tail()


def test_what_cannot_serve_changes_nothing(web):
    """A program that is broken, a plan that is: whoever serves goes on, says so, and hands over when it is mended."""
    plan = web.site.run.state / "l7.plan"
    whole, before = plan.read_bytes(), web.serving.pid
    try:
        plan.write_bytes(whole[:100])
        done = web.serving.hand_over(check=False)
    finally:
        plan.write_bytes(whole)
    assert done.returncode == 1 and "no other process takes over" in done.stderr, done.stderr
    assert told(web) == before == web.serving.pid and alive(before)
    assert web.get("https://shop.example/api/x")[0] == 200
    web.serving.hand_over()
    until(lambda: told(web) == web.serving.pid, 20, "mgmt is connected to the new one, and in step")


def test_other_shards_are_taken_up_by_a_hand_over(web):
    """What else only a restart changes. Fewer shards leave sockets that nobody takes: who is connecting there is served all the same."""
    for shards in ([0], [0, 1], [1]):
        web.document["l7"]["shards"] = shards
        assert "restart" in web.reload(check=False).stderr + web.cardea.run("status", check=False).stdout
        probing = web.load(f"probe{len(shards)}", "probe", SHOP[4], 443, "--every", 0.01, "--path", "/api/x", "--timeout", 20, *web.tls())
        web.serving.hand_over()
        until(lambda: told(web) == web.serving.pid, 20, "mgmt is connected to the new one, and in step")
        time.sleep(1)
        line = probing.stop()["line"]
        assert line and [entry for entry in line if "error" in entry] == []


def test_one_that_dies_on_its_way_changes_nothing(web):
    """It has been offered the sockets, and is gone before it serves; another that asks meanwhile is told to wait."""
    before = web.serving.pid
    asking = [Process(web.site.run, f"asking{number}", web.serving.command()).start() for number in range(4)]
    for process in asking:
        process.wait(60)
    until(lambda: told(web) not in (None, before), 20, "one of them serves")
    web.serving.took_over(told(web))
    assert sorted(process.exit_code() for process in asking).count(0) >= 1
    assert web.get("https://shop.example/api/x")[0] == 200


def test_one_that_leaves_has_its_time_and_a_stop_ends_it_sooner(web):
    web.document["l7"].update(hand_over_timeout="1h", drain_timeout="1s")
    web.reload()
    holding = web.load("idle", "hold", SHOP[4], 443, "--connections", 2, "--pause", 600, "--timeout", 600, *web.tls())
    time.sleep(0.5)
    web.serving.hand_over()
    leaving = web.serving.left
    time.sleep(3)
    assert alive(leaving), "two connections may still ask"
    os.kill(leaving, signal.SIGTERM)
    until(lambda: not alive(leaving), 20, "it was told to end")
    holding.process.kill()
    assert web.get("https://shop.example/api/x")[0] == 200
