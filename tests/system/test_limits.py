"""Limits reached on purpose: each ends in a counted, named refusal, and what was there before goes on."""
import time

import pytest

from lab.configuration import pool, service
from lab.metrics import Page
from lab.site import LAN
from lab.standard import WEB, Standard
from lab.wait import until

FLOWS_FEW = 1024


class Silent:
    """A place on the lan where nobody is."""

    def __init__(self, host):
        self.host = host

    def address(self, family):
        return LAN.address(self.host, family)


def drops(standard, reason):
    return Page(standard.cardea.metrics_page()).total("cardea_drops_total", reason=reason)


def hold_open(standard, count):
    """`count` connections that stay open and ask now and then."""
    return standard.load("hold", "hold", WEB[4], 80, "--connections", count, "--pause", 0.5, "--timeout", 4)


def established(standard):
    return len(standard.site.client.run("ss", "-Htn", "state", "established", "dport", "=", ":80").stdout.splitlines())


def test_in_a_full_flow_table_datagrams_give_way_to_each_other_and_connections_stay():
    with Standard(flows=FLOWS_FEW, families=(4,)) as standard:
        holding = hold_open(standard, FLOWS_FEW // 4)
        until(lambda: established(standard) >= FLOWS_FEW // 4, 10, "the first flows are in the table")
        flood = standard.load("flood", "udp", "203.0.113.53", 53, "--datagrams", FLOWS_FEW * 4, "--concurrency", 64,
                              "--timeout", 0.3).finish(120)
        # A search for room is bounded: few datagrams meet a stretch of connections alone.
        assert drops(standard, "flow_table_full") < flood["datagrams"] // 10, flood
        assert Page(standard.cardea.metrics_page()).total("cardea_flows_evicted_total") > 0
        held = holding.stop()
        assert held["failed"] == held["moved"] == 0, held["examples"]


def test_a_full_flow_table_does_not_stop_ipip():
    with Standard("ipip", flows=FLOWS_FEW, families=(4,)) as standard:
        flood = standard.load("flood", "udp", "203.0.113.53", 53, "--datagrams", FLOWS_FEW * 4, "--concurrency", 64).finish(120)
        assert flood["failed"] == 0, flood


def test_when_nat_ports_run_out_new_flows_are_dropped_with_that_reason():
    def few_ports(document):
        document["dataplane"]["nat"] = {"port_first": 1024, "port_last": 1055}
    with Standard(families=(4,), change=few_ports) as standard:
        holding = hold_open(standard, 200)  # 32 ports × 3 backends are 96 flows at most
        until(lambda: drops(standard, "no_nat_port") > 0, 10, "drops for want of a port are counted")
        time.sleep(3)  # those that got a port are served
        held = holding.stop()
        served = sum(client["requests"] > 0 for client in held["clients"])
        assert 60 <= served <= 96, served
        assert held["moved"] == 0


@pytest.fixture(scope="module")
def limited():
    def few_services(document):
        document["dataplane"]["services_max"] = 4
    with Standard(families=(4,), change=few_services) as running:
        yield running


def test_too_many_services_are_refused_by_name(limited):
    services = limited.document["services"]
    limited.document["services"] = services + [service(f"more{n}", [f"203.0.113.{20 + n}:80/tcp"], "web") for n in range(5)]
    done = limited.reload(check=False)
    assert done.returncode == 1 and "services_max" in done.stdout + done.stderr
    assert limited.connect(50)["failed"] == 0
    limited.document["services"] = services
    limited.reload()


def test_neighbours_that_never_answer_harm_nobody(limited):
    limited.document["pools"].append(pool("silent", [Silent(host) for host in (200, 201, 202)], 80, health={"type": "none"}))
    limited.document["services"].append(service("silent", ["203.0.113.99:80/tcp"], "silent"))
    limited.reload()
    try:
        knocking = limited.load("knock", "connect", "203.0.113.99", 80, "--connections", 100, "--concurrency", 100,
                                "--timeout", 4)
        assert limited.connect(500)["failed"] == 0
        assert knocking.finish()["failed"] == 100
        until(lambda: drops(limited, "neighbour_failed") + drops(limited, "neighbour_queue_full") > 0, 10,
              "packets to silent neighbours are counted as drops")
    finally:
        limited.document["pools"].pop()
        limited.document["services"].pop()
        limited.reload()


def test_a_pool_without_anyone_drops_with_that_reason(limited):
    for name in ("b1", "b2", "b3"):
        limited.cardea.run("set", "backend", "web/" + limited.backend_address(name), "drain")
    before = drops(limited, "no_backend")
    result = limited.connect(5, "--timeout", 0.5)
    for name in ("b1", "b2", "b3"):
        limited.cardea.run("set", "backend", "web/" + limited.backend_address(name), "ready")
    assert result["failed"] == 5 and drops(limited, "no_backend") > before
    assert limited.connect(50)["failed"] == 0
