"""The packages on a host with e1000e cards, as its operator installs, starts and upgrades them: one boot, in the order of a host's
life. It is the form of these tests that every run has time for."""
import json
import re

import pytest
from lab import configuration, debs
from lab.card_site import PATIENT_HEALTH, CardHost
from lab.site import SERVICES, endpoint
from lab.wait import until
from lab.web import http_service, l7_pool, route

WEB, SHOP = SERVICES.address(10, 4), SERVICES.address(20, 4)


def document(host):
    """One service by packet, one by request, over TLS."""
    written = host.document()
    backends = host.site.backends
    written["l7"] = {"shards": [0]}
    written["pools"] = [configuration.pool("web", backends, 80, health=PATIENT_HEALTH),
                        {**l7_pool("pages", backends), "health": PATIENT_HEALTH}]
    written["services"] = [
        configuration.service("web", [endpoint(WEB, 80) + "/tcp"], "web"),
        http_service("shop", [endpoint(SHOP, 443) + "/tcp"], [host.certificate("shop.example")], routes=[route("all", "/", "pages")])]
    return written


@pytest.fixture(scope="module")
def host():
    with CardHost() as there:
        there.site.client.name_hosts({"shop.example": SHOP})
        there.told = there.install(debs.installed(there.debs)).stdout
        there.host_setup = there.give_cards()
        there.start(document(there))
        yield there


def balanced(host, check=True):
    return host.curl(f"http://{WEB}/", timeout=40, check=check).stdout.strip()


def served(host):
    return host.curl("https://shop.example/", timeout=40).stdout.strip()


def names(host):
    return {backend.name for backend in host.site.backends}


def main_pid(host, unit):
    return host.guest.show(unit, "MainPID")[0]


def test_units_serve_under_their_filters(host):
    print(f"boot: {host.guest.boot_seconds:.0f} s")
    for unit in host.units:
        assert host.guest.show(unit, "ActiveState", "NRestarts", "Result") == ["active", "0", "success"], host.guest.journal(unit)


def test_cards_are_driven_through_the_iommu(host):
    maps = host.guest.run("cat", f"/proc/{main_pid(host, 'cardea-dataplane')}/maps").stdout
    assert "librte_net_e1000" in maps and "/dev/vfio/" in host.guest.run(
        "sh", "-c", f"ls -l /proc/{main_pid(host, 'cardea-dataplane')}/fd").stdout
    for address in host.addresses.values():
        assert host.guest.run("readlink", f"/sys/bus/pci/devices/{address}/driver").stdout.strip().endswith("/vfio-pci")


def test_a_connection_is_balanced_over_the_cards(host):
    assert {balanced(host) for _ in range(6)} <= names(host)


def test_a_request_is_served_over_the_cards(host):
    assert {served(host) for _ in range(3)} <= names(host)


def test_status_shows_the_cards(host):
    told = host.guest.run("cardea", "status").stdout
    for name in host.addresses:
        assert re.search(rf"^port +{name} up, {host.addresses[name]}", told, re.M), told


def test_doctor_objects_to_nothing_that_matters(host):
    done = host.guest.run("cardea", "doctor", check=False)
    assert done.returncode == 0 and "vfio-pci" in done.stdout, done.stdout + done.stderr


def test_a_killed_dataplane_is_back_and_forwards(host):
    before = main_pid(host, "cardea-dataplane")
    host.guest.run("systemctl", "kill", "-s", "KILL", "cardea-dataplane")
    until(lambda: host.guest.show("cardea-dataplane", "NRestarts", "ActiveState") == ["1", "active"], 60, "it is back", pause=0.5)
    assert main_pid(host, "cardea-dataplane") != before
    assert until(lambda: balanced(host, check=False) in names(host), 60, "it forwards again")
    assert served(host) in names(host)


def test_an_upgrade_interrupts_nothing_and_a_restart_takes_it_up(host, tmp_path):
    running = {unit: main_pid(host, unit) for unit in host.units}
    told = host.install(debs.newer(host.debs, tmp_path)).stdout
    assert {unit: main_pid(host, unit) for unit in host.units} == running, "an upgrade interrupts nobody"
    assert balanced(host) in names(host) and "systemctl restart" in told, told
    host.guest.run("systemctl", "restart", *host.units, timeout=180)
    host.until_serving()
    assert f"({debs.NEWER})" in host.guest.run("dpkg-query", "-W", "-f=(${Version})", "cardea-dataplane").stdout
    assert until(lambda: balanced(host, check=False) in names(host), 90, "it forwards again")
    assert served(host) in names(host)
    assert json.loads(host.guest.run("cardea", "--json", "status").stdout)["processes"]
