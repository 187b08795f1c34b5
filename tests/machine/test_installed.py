"""The packages on a host with e1000e cards, as its operator installs, starts and upgrades them: one boot, in the order of a host's
life. It is the form of these tests that every run has time for."""
import json
import re

import pytest
from lab import debs
from lab.card_services import CardServices
from lab.wait import until


@pytest.fixture(scope="module")
def host():
    with CardServices() as there:
        there.install(debs.installed(there.debs))
        there.give_cards()
        there.serve()
        yield there


def test_units_serve_under_their_filters(host):
    print(f"boot: {host.guest.boot_seconds:.0f} s")
    for unit in host.units:
        assert host.guest.show(unit, "ActiveState", "NRestarts", "Result") == ["active", "0", "success"], host.guest.journal(unit)


def test_cards_are_driven_through_the_iommu(host):
    maps = host.guest.run("cat", f"/proc/{host.main_pid('cardea-dataplane')}/maps").stdout
    assert "librte_net_e1000" in maps and "/dev/vfio/" in host.guest.run(
        "sh", "-c", f"ls -l /proc/{host.main_pid('cardea-dataplane')}/fd").stdout
    for address in host.addresses.values():
        assert host.guest.run("readlink", f"/sys/bus/pci/devices/{address}/driver").stdout.strip().endswith("/vfio-pci")


def test_a_connection_is_balanced_over_the_cards(host):
    assert {host.balanced() for _ in range(6)} <= host.names()


def test_a_request_is_served_over_the_cards(host):
    assert {host.served() for _ in range(3)} <= host.names()


def test_status_shows_the_cards(host):
    told = host.guest.run("cardea", "status").stdout
    for name in host.addresses:
        assert re.search(rf"^port +{name} up, {host.addresses[name]}", told, re.M), told


def test_doctor_objects_to_nothing_that_matters(host):
    done = host.guest.run("cardea", "doctor", check=False)
    assert done.returncode == 0 and "vfio-pci" in done.stdout, done.stdout + done.stderr


def test_a_killed_dataplane_is_back_and_forwards(host):
    before = host.main_pid("cardea-dataplane")
    host.guest.run("systemctl", "kill", "-s", "KILL", "cardea-dataplane")
    until(lambda: host.guest.show("cardea-dataplane", "NRestarts", "ActiveState") == ["1", "active"], 60, "it is back", pause=0.5)
    assert host.main_pid("cardea-dataplane") != before
    assert until(lambda: host.balanced(check=False) in host.names(), 60, "it forwards again")
    assert host.served() in host.names()


def test_an_upgrade_interrupts_nothing_and_is_taken_up_under_traffic(host, tmp_path):
    """By the commands that it names itself: cardea-l7 hands over, the dataplane goes on as it is."""
    running = {unit: host.main_pid(unit) for unit in host.units}
    with host.traffic():
        told = host.install(debs.newer(host.debs, tmp_path)).stdout
        assert {unit: host.main_pid(unit) for unit in host.units} == running, "an upgrade interrupts nobody"
        assert re.search(r"systemctl restart .*cardea-mgmt.* && systemctl reload cardea-l7", told), told
        host.guest.run("systemctl", "restart", "cardea-mgmt", timeout=180)
        host.guest.run("systemctl", "reload", "cardea-l7", timeout=180)
        host.until_serving()
        assert host.main_pid("cardea-dataplane") == running["cardea-dataplane"] and host.main_pid("cardea-l7") != running["cardea-l7"]
    assert f"({debs.NEWER})" in host.guest.run("dpkg-query", "-W", "-f=(${Version})", "cardea-dataplane").stdout


def test_a_restart_of_all_takes_it_up_as_well(host):
    host.guest.run("systemctl", "restart", *host.units, timeout=180)
    host.until_serving()
    assert until(lambda: host.balanced(check=False) in host.names(), 90, "it forwards again")
    assert host.served() in host.names()
    assert json.loads(host.guest.run("cardea", "--json", "status").stdout)["processes"]
