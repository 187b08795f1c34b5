"""kill -9 of the daemons, each under load. Traffic does not notice mgmt dying; the dataplane starts from the plan last
stored, with or without mgmt. (How long that takes: test_outage.)"""
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from lab.metrics import Page
from lab.standard import WEB, Standard
from lab.wait import until

RING_FRAMES = 4096  # of an af_packet port
CONNECTIONS = 20
ENDS = 3  # of cardea-mgmt, of which the quickest counts: the host may be busy with others


def outage(line, since):
    """Seconds from the kill to the first new connection that was served again."""
    served = [entry["at"] + entry["took"] for entry in line if entry["at"] >= since and "backend" in entry]
    assert served, "traffic never flowed again"
    return min(served) - since


def probe(standard):
    return standard.load("probe", "probe", WEB[4], 80, "--every", 0.02, "--timeout", 10)


def plans_begun(standard):
    return standard.cardea.dataplane.log.read_text().count("forwarding by plan")


def missed(standard):
    """Packets that found a port's receive ring full."""
    page = Page(standard.cardea.metrics_page())
    return sum(page.total("cardea_port_missed_packets_total", port=port) for port in ("wan", "lan"))


@pytest.fixture(scope="module", params=["fullnat", "ipip"])
def standard(request):
    with Standard(request.param, weights=[1, 1, 1], families=(4,)) as running:
        yield running


@pytest.fixture(autouse=True)
def everything_runs(standard):
    for daemon in (standard.cardea.dataplane, standard.cardea.mgmt):
        if not daemon.alive():
            daemon.start()
    standard.cardea.until_ready()


def test_traffic_does_not_notice_mgmt_dying(standard):
    """TCP left to itself fills any queue before a slow place until it loses something, whoever lives or dies. So all
    transfers together may have no more on the way than a receive ring holds, and nothing may be missed."""
    window = RING_FRAMES // 4 * 1448 // CONNECTIONS
    holding = standard.load("hold", "hold", WEB[4], 80, "--connections", CONNECTIONS, "--path", "/big", "--pause", 0.05,
                            "--timeout", 30, "--receive-buffer", window, "--sha256", standard.nginx["b1"].big_sha256)
    missed_before = missed(standard)
    probing = probe(standard)
    time.sleep(0.5)
    standard.cardea.kill_mgmt()
    time.sleep(1)
    alone = standard.connect(300)
    standard.cardea.mgmt.start()
    standard.cardea.until_ready()
    time.sleep(1)
    line, held = probing.stop()["line"], holding.stop()
    assert alone["failed"] == 0
    assert held["failed"] == held["moved"] == held["corrupt"] == 0, held
    assert [entry for entry in line if "error" in entry] == []
    assert missed(standard) == missed_before


def test_mgmt_remembers_what_the_operator_set(standard):
    backend = "web/" + standard.backend_address("b1")
    standard.cardea.run("set", "backend", backend, "drain")
    generation = standard.cardea.cli("status")["generation"]
    standard.cardea.kill_mgmt()
    standard.cardea.mgmt.start()
    standard.cardea.until_ready()
    try:
        result = standard.connect(300)
        assert result["failed"] == 0 and set(result["backends"]) == {"b2", "b3"}
        assert standard.cardea.cli("status")["generation"] >= generation
    finally:
        standard.cardea.run("set", "backend", backend, "ready")


def end_of_mgmt(standard):
    """With a silent client of the API and one of the metrics page: seconds from SIGTERM to the end."""
    metrics = subprocess.Popen(standard.site.lb.command("socat", "-u", "tcp:127.0.0.1:9477", "stdout"))
    with socket.socket(socket.AF_UNIX) as api, metrics:
        api.connect(str(standard.cardea.api))
        until(lambda: ":9477" in standard.site.lb.run("ss", "-Htn", "state", "established").stdout, 5, "the page has a client")
        pid = standard.cardea.cli("status")["pid"]
        asked = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        until(lambda: not standard.cardea.mgmt.alive(), 5, "cardea-mgmt has ended", pause=0.005)
        took = time.monotonic() - asked
        metrics.terminate()
    assert standard.cardea.mgmt.exit_code() == 0
    assert not pathlib.Path(standard.cardea.api).exists()
    return took


def test_mgmt_ends_at_once_whoever_keeps_connections_to_it(standard):
    """Its exit is part of every upgrade. Left to the library, whose clients are silent, it took 2.3 s."""
    took = []
    while len(took) < ENDS and (not took or min(took) >= 0.5):
        standard.cardea.start_what_ended()
        took.append(end_of_mgmt(standard))
    assert min(took) < 0.5, took


@pytest.mark.parametrize("with_mgmt", [True, False], ids=["with_mgmt", "mgmt_away"])
def test_the_dataplane_comes_back_by_itself(standard, with_mgmt, record_property):
    if not with_mgmt:
        standard.cardea.kill_mgmt()
    probing = probe(standard)
    time.sleep(0.5)
    killed = standard.cardea.kill_dataplane()
    begun = plans_begun(standard)
    standard.cardea.dataplane.start()
    until(lambda: plans_begun(standard) > begun, 20, "the dataplane forwards")
    result = standard.connect(300)
    lasted = outage(probing.stop()["line"], killed)
    record_property("outage_seconds", round(lasted, 3))
    print(f"traffic flowed again {lasted:.3f} s after kill -9 of the dataplane ({standard.forward})")
    assert result["failed"] == 0 and len(result["backends"]) == 3


def test_established_flows_survive_the_dataplane_in_ipip():
    """The ring is the truth: a restarted dataplane sends a tunnelled flow where it went before. (In fullnat the port numbers
    die with the process, and so do its connections.)"""
    with Standard("ipip", weights=[1, 1, 1], families=(4,)) as standard:
        holding = standard.load("hold", "hold", WEB[4], 80, "--connections", 30, "--pause", 0.1, "--timeout", 30)
        time.sleep(1)
        standard.cardea.kill_dataplane()
        standard.cardea.dataplane.start()
        standard.cardea.until_ready()
        time.sleep(2)
        held = holding.stop()
    assert held["failed"] == held["moved"] == 0, held
    assert len(held["backends"]) == 3
