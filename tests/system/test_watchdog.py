"""A daemon of which one thread stands still is started anew, whichever thread that is; one that goes on is left alone."""
import pathlib
import re

import pytest

from lab.product import Running, furnished_machine
from lab.stopped_thread import StoppedThread
from lab.wait import until

SECONDS = 4
SHORT = f"[Service]\nWatchdogSec={SECONDS}s\n"
THREADS = [("cardea-dataplane", "cardea-dataplan"), ("cardea-dataplane", "cardea-door"), ("cardea-dataplane", r"(rte|lcore)-worker-\d+"),
           ("cardea-l7", "cardea-l7"), ("cardea-l7", r"shard-\d+"), ("cardea-mgmt", "cardea-mgmt")]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with furnished_machine(tmp_path_factory.mktemp("tls")) as machine:
        for unit in ("cardea-dataplane", "cardea-l7", "cardea-mgmt"):
            machine.write(f"/etc/systemd/system/{unit}.service.d/short.conf", SHORT)
        machine.run("systemctl", "daemon-reload")
        with Running(machine, "full.cfg") as product:
            yield product


def main_pid(machine, unit):
    """As this host counts: the machine counts its processes from 1."""
    inside = machine.show(unit, "MainPID")[0]
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        if re.search(rf"^Name:\t{unit[:15]}$", text, re.M) and re.search(rf"^NSpid:.*\t{inside}$", text, re.M):
            return int(status.parent.name)
    raise AssertionError(f"{unit} does not run")


def thread(pid, name):
    named = {int(task.name): (task / "comm").read_text().strip() for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}
    found = [tid for tid, comm in named.items() if re.fullmatch(name, comm)]
    assert found, f"no thread is called {name}: {named}"
    return found[0]


@pytest.mark.parametrize("unit, name", THREADS)
def test_a_thread_that_stands_still_is_a_restart(running, unit, name):
    machine = running.machine
    before = {each: machine.show(each, "NRestarts")[0] for each in running.units}
    with StoppedThread(thread(main_pid(machine, unit), name)) as stopped:
        until(stopped.is_gone, 10 * SECONDS, "the watchdog has ended it")
        until(lambda: int(machine.show(unit, "NRestarts")[0]) == int(before[unit]) + 1, 10 * SECONDS, f"{unit} is started anew")
    assert "Watchdog timeout" in machine.journal(unit)
    until(lambda: machine.show(unit, "ActiveState") == ["active"], 30, f"{unit} serves again")
    others = [each for each in running.units if each != unit]
    assert {each: machine.show(each, "NRestarts")[0] for each in others} == {each: before[each] for each in others}


def test_started_means_serving(running):
    for unit in running.units:
        assert running.machine.show(unit, "Type", "ActiveState") == ["notify", "active"]
    assert running.machine.show("cardea-dataplane", "StatusText") == ["forwarding"]
    assert running.machine.show("cardea-l7", "StatusText") == ["serving"]
    assert "answers at" in running.machine.show("cardea-mgmt", "StatusText")[0]
