"""What is expected of the units as they are shipped, with a configuration that they serve (lab/product.py), on whatever machine they
are: under the tests' own systemd or in a guest."""
import json
import re

from lab.wait import until

EXPOSURE_MAX = {"cardea-dataplane": 5.0, "cardea-l7": 2.5, "cardea-mgmt": 2.5, "cardea-waf": 2.0}  # as systemd reckons it, of 10
CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(sys.argv[1])"


def add_people(machine):
    """alice, who is an operator, and mallory, who is not."""
    for user, group in (("alice", "cardea-operators"), ("mallory", "users")):
        machine.run("useradd", "--create-home", "--groups", group, user)


def may_do_little(machine, unit):
    told = machine.run("systemd-analyze", "security", "--no-pager", f"{unit}.service").stdout
    assert float(re.search(rf"exposure level for {unit}.service: ([0-9.]+)", told)[1]) <= EXPOSURE_MAX[unit], told


def serve(running):
    for unit in running.units:
        assert running.machine.show(unit, "NRestarts", "ActiveState", "Result") == ["0", "active", "success"], unit
        assert "SIGSYS" not in running.machine.journal(unit)
    assert running.machine.run("systemctl", "reload", "cardea-mgmt", timeout=running.patience).returncode == 0
    if "cardea-waf" in running.units:
        inspects(running)


def inspects(running):
    """cardea-l7 may ask cardea-waf, whose user comes to nothing of the others."""
    machine = running.machine
    until(lambda: (json.loads(machine.run("cardea", "--json", "status").stdout)["waf"] or {}).get("workers"), running.patience, "workers have the rules")
    assert machine.run("stat", "-c", "%U:%G %a", "/run/cardea-waf").stdout.split() == ["cardea-waf:cardea-waf", "750"]
    for name in ("l7", "dataplane"):
        done = machine.run("python3", "-c", CONNECT, f"/run/cardea/{name}.sock", user="cardea-waf", check=False)
        assert "PermissionError" in done.stderr, "plans are handed over there"


def reloads_are_other_processes(running, times=2):
    """How an upgrade is taken up. The one before leaves as soon as it is done; a stop ends both."""
    if "cardea-l7" not in running.units:
        return
    machine, pids = running.machine, [running.machine.show("cardea-l7", "MainPID")]
    for _ in range(times):
        machine.run("systemctl", "reload", "cardea-l7", timeout=running.patience)
        until(running.serves, running.patience, "cardea-l7 serves, and mgmt knows")
        pids.append(machine.show("cardea-l7", "MainPID"))
    assert len(set(map(str, pids))) == times + 1 and machine.show("cardea-l7", "ActiveState", "NRestarts") == ["active", "0"], pids
    assert "SIGSYS" not in machine.journal("cardea-l7")
    machine.run("systemctl", "restart", "cardea-l7", timeout=120)
    until(running.serves, running.patience, "it serves again")


def operators_use_the_api_alone(running):
    machine, row = running.machine, json.loads(running.machine.run("cardea", "--json", "show", "backends").stdout)["backends"][0]
    backend = f"{row['pool']}/{row['address']}"
    assert "generation" in machine.run("cardea", "status", user="alice").stdout
    machine.run("cardea", "set", "backend", backend, "drain", user="alice")
    machine.run("cardea", "set", "backend", backend, "ready", user="alice")
    for name in (unit.removeprefix("cardea-") for unit in running.units if unit != "cardea-mgmt"):
        folder = "/run/cardea-waf" if name == "waf" else "/run/cardea"
        done = machine.run("python3", "-c", CONNECT, f"{folder}/{name}.sock", user="alice", check=False)
        assert "PermissionError" in done.stderr, "plans are handed over there"
    for folder in ("/var/lib/cardea", "/run/cardea"):
        assert machine.run("ls", folder, user="alice", check=False).returncode != 0, folder
        assert machine.run("touch", f"{folder}/x", user="alice", check=False).returncode != 0, folder
    assert machine.run("touch", "/run/cardea-api/x", user="alice", check=False).returncode != 0


def others_are_told_who_may(running):
    done = running.machine.run("cardea", "status", user="mallory", check=False)
    assert done.returncode == 2 and "usermod -a -G cardea-operators" in done.stderr
