"""Every unit as installed, on a host of its own: with each example they serve under their filters, users and groups, on cards of PCI where
the example has such; who may ask them what; their logs; addresses and cards that are not there yet; their boot. One guest for all of it.

The same without cards, on this host's systemd, is tests/system/test_units.py."""
import json
import re

import pytest
from lab import debs, installed_units
from lab.card_services import CardServices
from lab.product import EXAMPLES, Running, furnish, on_machine
from lab.site import LAN, LB_HOST, endpoint
from lab.wait import until

PATIENCE = 240  # a guest takes its time, and what else this host does comes on top
CPUS = (0, 1)
LATE, LATE_METRICS, NOWHERE = "198.18.0.80", "198.18.0.90", "0000:7f:00.0"
SITE = f"""
cluster: {{ seed = "of a site whose addresses come later"; }};
l7: {{ shards = [0]; access_log = "/var/log/cardea/access.log"; }};
pools = ();
services = ( {{ name = "late"; mode = "http"; listen = ["{LATE}:80/tcp"]; redirect: {{ scheme = "https"; }}; }} );
mgmt: {{ metrics = "{LATE_METRICS}:9477"; api_group = "cardea-operators"; }};
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with CardServices(model="vmxnet3") as there:  # of the examples some ask for more than an e1000e can
        there.install(debs.installed(there.debs))
        furnish(there.guest, tmp_path_factory.mktemp("tls"))
        there.give_cards()
        installed_units.add_people(there.guest)
        yield there


@pytest.mark.parametrize("unit", [unit for unit in installed_units.EXPOSURE_MAX if unit != "cardea-waf"])  # which is not installed here
def test_a_unit_may_do_little_that_it_does_not_need(host, unit):
    installed_units.may_do_little(host.guest, unit)


def example(host, name):
    """With as many flows and as large caches and buffers as a guest has memory for."""
    text = re.sub(r'flows = "[^"]*"', 'flows = "20k"', on_machine(name, CPUS, list(host.addresses.values())))
    return re.sub(r'((?:name = "\w+"; +memory|\bbuffers) = )"[^"]*"', r'\1"64MB"', text)


@pytest.mark.parametrize("name", EXAMPLES)
def test_units_serve_with_each_example_and_operators_use_the_api_alone(host, name):
    with Running(host.guest, name, example(host, name), PATIENCE) as running:
        installed_units.serve(running)
        installed_units.operators_use_the_api_alone(running)
        installed_units.others_are_told_who_may(running)
        installed_units.reloads_are_other_processes(running, times=1)


# ---- a site whose addresses come when it runs already


@pytest.fixture(scope="class")
def late(host):
    with Running(host.guest, "", SITE, PATIENCE) as product:
        yield product


def fetched(late, url):
    return late.machine.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20", url, check=False).stdout


def rows(machine, unit):
    """(priority, text) of what it has written into the journal."""
    told = machine.run("journalctl", "-o", "json", "--no-pager", "-u", unit).stdout.splitlines()
    return [(row["PRIORITY"], row["MESSAGE"]) for row in map(json.loads, told) if row.get("SYSLOG_IDENTIFIER") == unit]


class TestBeforeItsAddressesAreThere:
    """And behind that: its logs, and what stands still."""

    def test_units_serve_before_their_addresses_are_there(self, late):
        installed_units.serve(late)
        assert ("3", f"the metrics page is not served at {LATE_METRICS}:9477: this host does not have that address (yet); it is tried again every "
                "second, or change mgmt.metrics and `cardea reload`") in rows(late.machine, "cardea-mgmt")
        assert fetched(late, f"http://{LATE_METRICS}:9477/metrics") == "000"

    def test_and_at_them_as_soon_as_they_are(self, late):
        for address in (LATE, LATE_METRICS):
            late.machine.run("ip", "addr", "add", f"{address}/32", "dev", "lo")
        until(lambda: fetched(late, f"http://{LATE_METRICS}:9477/metrics") == "200", 60, "the metrics page is served", pause=0.5)
        assert fetched(late, f"http://{LATE}/") == "301"
        installed_units.serve(late)

    def test_the_journal_knows_what_is_worse(self, late):
        """Lines of daily work, warnings and errors, each by its priority."""
        late.machine.run("systemctl", "kill", "-s", "KILL", "cardea-l7")
        until(lambda: late.machine.show("cardea-l7", "NRestarts") == ["1"], 60, "it is back", pause=0.5)
        until(lambda: late.machine.show("cardea-l7", "ActiveState") == ["active"], 60, "it serves again", pause=0.5)
        told = rows(late.machine, "cardea-mgmt")
        assert any(priority == "4" and "the connection to" in text for priority, text in told), told
        assert {priority for priority, _ in told} == {"6", "4", "3"}, told
        assert "the connection to" not in late.machine.run("journalctl", "-p", "err", "-u", "cardea-mgmt", "-o", "cat").stdout

    def test_the_access_log_is_rotated_and_read_by_operators(self, late):
        fetched(late, f"http://{LATE}/before")
        log = "/var/log/cardea/access.log"
        until(lambda: "/before" in late.machine.run("cat", log, user="alice").stdout, 30, "the line is written", pause=0.5)
        late.machine.run("logrotate", "--force", "/etc/logrotate.d/cardea", timeout=PATIENCE)
        assert "/before" in late.machine.run("cat", f"{log}.1", user="alice").stdout
        fetched(late, f"http://{LATE}/after")
        until(lambda: "/after" in late.machine.run("cat", log, user="alice").stdout, 30, "what comes later is in the new file", pause=0.5)
        assert "/after" not in late.machine.run("cat", f"{log}.1").stdout
        assert late.machine.run("stat", "-c", "%U:%G %a", log).stdout.strip() == "cardea-l7:cardea-operators 640"
        assert late.machine.run("cat", log, user="mallory", check=False).returncode != 0

    @pytest.mark.parametrize("unit", ["cardea-mgmt", "cardea-l7"])
    def test_a_process_that_stands_still_is_started_anew(self, late, unit):
        before = int(late.machine.show(unit, "NRestarts")[0])
        late.machine.run("systemctl", "kill", "-s", "STOP", unit)
        until(lambda: int(late.machine.show(unit, "NRestarts")[0]) == before + 1, 200, "the watchdog has it started anew", pause=1)
        until(lambda: late.machine.show(unit, "ActiveState") == ["active"], 60, "it serves again", pause=0.5)
        assert "Watchdog timeout" in late.machine.journal(unit)


# ---- cards that are not there, and a boot with those that are


def test_a_card_that_is_not_there_is_a_line_and_tried_for_ever_but_not_at_once(host):
    text = example(host, "l4-edge.cfg").replace(host.addresses["lan"], NOWHERE)
    host.guest.write("/etc/cardea/cardea.cfg", text)
    host.guest.run("systemctl", "start", "--no-block", "cardea-mgmt", "cardea-dataplane")
    try:
        until(lambda: f'port lan (device "{NOWHERE}")' in host.guest.journal("cardea-dataplane"), PATIENCE, "it says what is missing", pause=1)
        until(lambda: NOWHERE in host.guest.run("cardea", "status", check=False).stdout, 60, "status says so", pause=0.5)
        until(lambda: host.guest.show("cardea-again@cardea-dataplane", "ActiveState") == ["activating"], 2 * PATIENCE,
              "it waits for half a minute", pause=2)
        assert int(host.guest.show("cardea-dataplane", "NRestarts")[0]) <= 20
    finally:
        host.guest.run("systemctl", "stop", "cardea-mgmt", "cardea-dataplane", timeout=PATIENCE)
        host.guest.run("sh", "-c", "rm -rf /var/lib/cardea/*")


def test_a_boot_brings_all_of_it_up_in_whatever_order(host):
    """The metrics page and a service of layer 7 are at addresses of ports that the dataplane has not made when they start."""
    host.serve(metrics=endpoint(LAN.address(LB_HOST, 4), 9477))
    host.guest.run("systemctl", "enable", *host.units, timeout=PATIENCE)
    host.guest.reboot()
    host.until_serving(PATIENCE)
    for unit in host.units:
        assert host.guest.show(unit, "ActiveState", "NRestarts", "Result") == ["active", "0", "success"], host.guest.journal(unit)
    assert host.balanced() in host.names() and host.served() in host.names()
    page = f"http://{LAN.address(LB_HOST, 4)}:9477/metrics"
    until(lambda: "cardea_port_up" in host.guest.run("curl", "-sS", "--max-time", "20", page, check=False).stdout, 60,
          "the metrics page is there", pause=1)
