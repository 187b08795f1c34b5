"""The metrics page: clean for promtool, scraped by a real Prometheus, and telling what operators ask for."""
import fcntl
import os
import pty
import struct
import subprocess
import termios

import pytest

from lab.cardea import binary
from lab.metrics import Page, names_in_alerts, queries_of_dashboard
from lab.prometheus import Prometheus
from lab.standard import ECHO, Standard
from lab.wait import until

ASKED_FOR = ["cardea_backend_up", "cardea_service_packets_total", "cardea_service_bytes_total", "cardea_service_flows_total",
             "cardea_backend_packets_total", "cardea_backend_flows_total", "cardea_drops_total", "cardea_config_generation",
             "cardea_flows", "cardea_build_info"]


@pytest.fixture(scope="module")
def standard():
    with Standard(weights=[3, 2, 1]) as running:
        assert running.connect(600)["failed"] == 0
        yield running


@pytest.fixture(scope="module")
def prometheus(standard):
    server = Prometheus(standard.site).start()
    yield server
    server.stop()


def test_promtool_finds_nothing_to_say(standard):
    done = standard.site.lb.run("promtool", "check", "metrics", stdin=standard.cardea.metrics_page(), check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_page_tells_what_operators_ask_for(standard):
    page = Page(standard.cardea.metrics_page())
    assert set(ASKED_FOR) - page.names() == set()
    assert any("busy" in name for name in page.names()), "no core's busy share"
    assert page.values("cardea_backend_up") == [1] * 12  # four pools of three
    assert page.values("cardea_drops_total", reason="no_backend") != [], "a reason that has not happened yet must read 0"


def test_the_alerts_ask_for_what_the_page_has(standard):
    asked = {name for name in names_in_alerts() if not name.startswith("cardea_l7_")}
    assert asked and asked - Page(standard.cardea.metrics_page()).names() == set()


def test_counters_say_what_clients_did(standard):
    before = Page(standard.cardea.metrics_page())
    result = standard.connect(300)
    datagrams = standard.load("udp", "udp", ECHO[6], 53, "--datagrams", 100).finish()
    assert result["failed"] == datagrams["failed"] == 0

    def grown(name, **labels):
        return Page(standard.cardea.metrics_page()).total(name, **labels) - before.total(name, **labels)
    until(lambda: grown("cardea_service_flows_total", service="web") == 300, 5, "300 new flows of web are counted")
    assert grown("cardea_service_flows_total", service="echo6") == 100
    assert grown("cardea_service_packets_total", service="echo6", direction="in") == 100
    assert grown("cardea_service_packets_total", service="echo6", direction="out") == 100
    for name, count in result["backends"].items():
        assert grown("cardea_backend_flows_total", pool="web", backend=standard.backend_address(name)) == count
    assert grown("cardea_service_bytes_total", service="web", direction="out") > 300 * 100


def test_prometheus_scrapes_and_answers(standard, prometheus):
    until(lambda: prometheus.query("up{job='cardea'}") and prometheus.query("up{job='cardea'}")[0][1] == 1, 15, "up is 1")
    assert sum(value for _, value in prometheus.query("cardea_backend_up{pool='web'}")) == 3
    assert prometheus.query("cardea_config_generation")[0][1] >= 1
    assert sum(value for _, value in prometheus.query("cardea_service_flows_total{service='web'}")) >= 600


def test_every_panel_of_the_dashboard_has_something_to_show(standard, prometheus):
    for title, query in queries_of_dashboard().items():
        if "cardea_l7_" not in query:
            until(lambda: prometheus.query(query), 15, f"the panel \"{title}\" has samples: {query}", pause=0.5)


def test_prometheus_sees_a_backend_go_down_and_up(standard, prometheus):
    def up():
        labels = f"pool='web',backend='{standard.backend_address('b1')}'"
        return [value for _, value in prometheus.query(f"cardea_backend_up{{{labels}}}")]
    until(lambda: up() == [1], 10, "Prometheus sees b1 up")
    standard.nginx["b1"].kill()
    until(lambda: up() == [0], 10, "Prometheus sees b1 down")
    standard.nginx["b1"].start()
    until(lambda: up() == [1], 10, "Prometheus sees b1 up again")


def test_top_on_a_terminal_has_rates_from_its_first_screen_on(standard):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 160, 0, 0))
    with subprocess.Popen(standard.site.lb.command(binary("cardea"), "--api", standard.cardea.api, "top", "--interval", "0.5"),
                          stdin=theirs, stdout=theirs, env={**os.environ, "TERM": "xterm"}) as top, open(ours, "rb+", buffering=0) as screen:
        os.close(theirs)
        seen = b""
        while seen.count(b"PKTS/S IN") < 4:  # of services and of backends, twice
            seen += screen.read(4096)
        screen.write(b"q")
        assert top.wait(10) == 0
    assert b"web/10.0.0.11:80" in seen and b"nan" not in seen and b"inf" not in seen, seen.decode()
