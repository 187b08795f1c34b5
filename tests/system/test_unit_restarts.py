"""Units that end again and again, under a real systemd: each is given up after its limit, tried again later, comes back once
it is mended, and stays away when an operator stopped it. Limits and pauses are those of the units, only shorter."""
import os

import pytest

from lab.cardea import TREE
from lab.machine import Machine
from lab.wait import until

UNITS = ["cardea-dataplane", "cardea-l7", "cardea-mgmt"]
STARTS = 4  # in a row

BROKEN = f"""[Unit]
StartLimitIntervalSec=300
StartLimitBurst={STARTS}
[Service]
RestartSec=20ms
ExecStart=
ExecStart=/bin/sh -c 'echo once more >>/run/cardea/starts; exit {{status}}'
"""
MENDED = """[Service]
NotifyAccess=all
WatchdogSec=0
ExecStart=
ExecStart=/bin/sh -c 'systemd-notify --ready && exec sleep infinity'
"""


@pytest.fixture(scope="module")
def machine():
    with Machine(os.environ.get("CARDEA_BIN_DIR", TREE / "build/release")) as host:
        yield host


class Unit:
    """One of the units with a program in its place that ends at once, and with later tries after `pause` seconds."""

    def __init__(self, machine, name, pause, status=1):
        self.machine, self.name, self.later = machine, name, f"cardea-again@{name}.service"
        shipped = machine.run("systemctl", "cat", "cardea-again@").stdout.splitlines()
        commands = "\n".join(line for line in shipped if line.startswith("ExecStart="))
        assert "sleep 30" in commands
        self._write("/run/systemd/system/cardea-again@.service.d/pause.conf",
                    "[Service]\nTimeoutStartSec=infinity\nExecStart=\n" + commands.replace("sleep 30", f"sleep {pause}") + "\n")
        self.put(BROKEN.format(status=status))

    def __enter__(self):
        self.machine.run("sh", "-c", "rm -f /run/cardea/starts")
        self.machine.run("systemctl", "start", self.name, check=False)
        return self

    def __exit__(self, *what):
        self.machine.run("systemctl", "stop", self.later, self.name)
        self.machine.run("systemctl", "reset-failed", self.name, check=False)
        self.machine.run("sh", "-c", "rm -r /run/systemd/system/cardea-*.service.d; systemctl daemon-reload")

    def put(self, text):
        self._write(f"/run/systemd/system/{self.name}.service.d/other.conf", text)
        self.machine.run("systemctl", "daemon-reload")

    def _write(self, path, text):
        self.machine.write(path, text)

    def state(self):
        return self.machine.show(self.name, "ActiveState")[0]

    def is_tried_later(self):
        return self.machine.show(self.later, "ActiveState") == ["activating"]

    def starts(self):
        return int(self.machine.run("sh", "-c", "cat /run/cardea/starts 2>/dev/null | wc -l").stdout)

    def until_given_up(self):
        until(lambda: self.state() == "failed", 60, f"{self.name} is given up:\n{self.machine.journal(self.name)}")


@pytest.mark.parametrize("name", UNITS)
def test_what_ends_again_and_again_is_given_up_and_tried_later_until_it_stays(machine, name):
    with Unit(machine, name, pause=1) as unit:
        until(lambda: unit.starts() >= 3 * STARTS, 60, f"later tries:\n{machine.journal(unit.later)}")
        unit.put(MENDED)
        until(lambda: unit.state() == "active", 60, f"{name} is back:\n{machine.journal(unit.later)}")
        until(lambda: not unit.is_tried_later(), 60, "the end of the later tries")
        assert unit.state() == "active"


@pytest.mark.parametrize("name", UNITS)
def test_a_row_of_starts_has_an_end(machine, name):
    with Unit(machine, name, pause=3600) as unit:
        unit.until_given_up()
        assert unit.starts() == STARTS
        assert unit.is_tried_later()


@pytest.mark.parametrize("name", UNITS)
def test_what_an_operator_stopped_is_not_tried_again(machine, name):
    with Unit(machine, name, pause=3600) as unit:
        unit.until_given_up()
        until(unit.is_tried_later, 60, "a later try")
        machine.run("systemctl", "stop", name)
        assert not unit.is_tried_later()
        assert unit.state() in ("inactive", "failed") and unit.starts() == STARTS


@pytest.mark.parametrize("name", UNITS)
def test_wrong_words_on_the_command_line_are_not_tried_again(machine, name):
    with Unit(machine, name, pause=1, status=2) as unit:
        unit.until_given_up()
        until(lambda: not unit.is_tried_later(), 60, "no later try")
        assert (unit.state(), unit.starts()) == ("failed", 1)


@pytest.mark.parametrize("name, starts", [("cardea-dataplane", 20), ("cardea-l7", 20), ("cardea-mgmt", 10)])
def test_the_units_limits_are_what_is_promised(machine, name, starts):
    told = machine.show(name, "StartLimitBurst", "StartLimitIntervalUSec", "OnFailure", "Restart")
    assert told == [str(starts), "5min", f"cardea-again@{name}.service", "always"]
