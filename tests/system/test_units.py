"""The units as they are shipped, under a real systemd: with each example they come up under their own users, groups and system
call filters, and operators may use the API and nothing else."""
import json
import os
import pathlib
import re

import pytest

from lab.authority import Authority
from lab.cardea import TREE, sections_of
from lab.machine import Machine
from lab.wait import until

EXAMPLES = sorted(path.name for path in (TREE / "conf/examples").glob("*.cfg"))
CPUS = sorted(os.sched_getaffinity(0))
UNITS = {"dataplane": "cardea-dataplane", "l7": "cardea-l7"}

CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(sys.argv[1])"


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with Machine(os.environ.get("CARDEA_BIN_DIR", TREE / "build/release")) as host:
        give_certificates(host, Authority(tmp_path_factory.mktemp("tls")))
        for number in range(2):
            host.run("ip", "link", "add", f"nic{number}", "type", "veth", "peer", "name", f"far{number}")
            for name in (f"nic{number}", f"far{number}"):
                host.run("ip", "link", "set", name, "up")
        for user, group in (("alice", "cardea-operators"), ("mallory", "users")):
            host.run("useradd", "--create-home", "--groups", group, user)
        yield host


def give_certificates(machine, authority):
    """Every file in /etc/cardea/tls that one of the examples names, keys for cardea-l7 alone."""
    named = set(re.findall(r'"/etc/cardea/tls/([^"]+)"', "".join((TREE / "conf/examples" / name).read_text() for name in EXAMPLES)))
    for name in sorted(named):
        if name.endswith(".crt"):
            pair = authority.issue(name.removesuffix(".crt"))
            machine.write(f"/etc/cardea/tls/{name}", pathlib.Path(pair["cert"]).read_text())
            key = f"/etc/cardea/tls/{name.removesuffix('.crt')}.key"
            machine.write(key, pathlib.Path(pair["key"]).read_text(), owner="root:cardea-l7", mode="640")
        elif name.endswith(".pem"):
            machine.write(f"/etc/cardea/tls/{name}", authority.certificate.read_text())


def on_this_machine(name):
    """The example, with cards and CPUs that this machine has."""
    text = (TREE / "conf/examples" / name).read_text()
    cards = iter(range(2))
    text = re.sub(r'device = "[^"]*"', lambda _: f'device = "net_af_packet{(n := next(cards))},iface=nic{n}"', text)
    text = re.sub(r"workers = \[[^]]*\]", f"workers = [{CPUS[0]}]", text)
    return re.sub(r"shards = \[[^]]*\]", f"shards = [{CPUS[-1]}]", text)


class Running:
    """The product on the machine, with one of the examples."""

    def __init__(self, machine, name):
        self.machine, text = machine, on_this_machine(name)
        self.units = ["cardea-mgmt", *(unit for section, unit in UNITS.items() if section in sections_of(text))]
        machine.write(re.search(r"--config (\S+)", machine.run("systemctl", "cat", "cardea-mgmt").stdout)[1], text)

    def __enter__(self):
        self.machine.run("systemctl", "start", *self.units)
        try:
            until(self.serves, 60, "the units serve")
        except AssertionError as failed:
            told = self.machine.run("cardea", "status", check=False)
            raise AssertionError("\n".join([str(failed), told.stdout, told.stderr, *map(self.machine.journal, self.units)])) from failed
        return self

    def __exit__(self, *what):
        self.machine.run("systemctl", "stop", *self.units, timeout=120)
        self.machine.run("sh", "-c", "rm -rf /var/lib/cardea/*")

    def serves(self):
        for unit in self.units:
            restarts, state = self.machine.show(unit, "NRestarts", "ActiveState")
            assert restarts == "0" and state != "failed", f"{unit} is {state}, {restarts} restarts:\n{self.machine.journal(unit)}"
        done = self.machine.run("cardea", "status", check=False)
        return done.returncode == 0 and "nothing yet" not in done.stdout and "not connected" not in done.stdout


@pytest.fixture(scope="module", params=EXAMPLES)
def running(request, machine):
    with Running(machine, request.param) as product:
        yield product


def test_every_unit_serves_with_each_example(running):
    for unit in running.units:
        assert running.machine.show(unit, "NRestarts", "ActiveState", "Result") == ["0", "active", "success"], unit
        assert "SIGSYS" not in running.machine.journal(unit)
    assert running.machine.run("systemctl", "reload", "cardea-mgmt").returncode == 0


def test_operators_use_the_api_and_nothing_else(running):
    machine, row = running.machine, json.loads(running.machine.run("cardea", "--json", "show", "backends").stdout)["backends"][0]
    backend = f"{row['pool']}/{row['address']}"
    assert "generation" in machine.run("cardea", "status", user="alice").stdout
    machine.run("cardea", "set", "backend", backend, "drain", user="alice")
    machine.run("cardea", "set", "backend", backend, "ready", user="alice")
    for name in (unit.removeprefix("cardea-") for unit in running.units if unit != "cardea-mgmt"):
        done = machine.run("python3", "-c", CONNECT, f"/run/cardea/{name}.sock", user="alice", check=False)
        assert "PermissionError" in done.stderr, "plans are handed over there"
    for folder in ("/var/lib/cardea", "/run/cardea"):
        assert machine.run("ls", folder, user="alice", check=False).returncode != 0, folder
        assert machine.run("touch", f"{folder}/x", user="alice", check=False).returncode != 0, folder
    assert machine.run("touch", "/run/cardea-api/x", user="alice", check=False).returncode != 0


def test_others_do_not_use_the_api_and_are_told_who_may(running):
    done = running.machine.run("cardea", "status", user="mallory", check=False)
    assert done.returncode == 2 and "usermod -a -G cardea-operators" in done.stderr
