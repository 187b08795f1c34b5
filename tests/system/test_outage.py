"""How long traffic is away when the dataplane is killed, or told to end, and started anew at once, while bulk transfers fill its
rings both ways: less than half a second. Nearly all of it is the old process' rings and TAPs, which the kernel takes down, and DPDK's
start. A machine that is busy with other things takes longer, so the best of some rounds counts."""
import itertools
import signal
import time

import pytest

from lab import configuration, two_way
from lab.process import Process
from lab.site import endpoint
from lab.standard import WEB, Standard
from lab.wait import until

AWAY_MAX = 0.5  # seconds
ROUNDS = 6
SIGNALS = [signal.SIGKILL, signal.SIGTERM]


@pytest.fixture(scope="module", params=["fullnat", "ipip"])
def standard(request):
    def add_two_way(document):
        web = document["pools"][0]
        bulk = {**web, "name": "bulk", "backends": [{**b, "address": b["address"].replace(":80", f":{two_way.PORT}")}
                                                    for b in web["backends"]], "health": {**web["health"], "port": 8080}}
        document["pools"].append(bulk)
        document["services"].append(configuration.service("bulk", [endpoint(WEB[4], two_way.PORT) + "/tcp"], "bulk", request.param))
    with Standard(request.param, families=(4,), change=add_two_way) as running:
        for backend in running.site.backends:
            two_way.Listener(running.site, backend).start()
        yield running


def both_ways(standard):
    return Process(standard.site.run, "two-way", standard.site.client.command(
        "python3", "-m", "lab.two_way", "call", WEB[4], two_way.PORT, 1 << 40)).start()


def away(line, since):
    """The longest time in which no new connection was served, of those that were not over by then. A connection's whole life counts,
    and that the next one is begun 20 ms later."""
    served = sorted(entry["at"] + entry["took"] for entry in line if "backend" in entry)
    assert served and served[0] < since, "nothing was served before"
    assert served[-1] > since + 1, "traffic never flowed again"
    return max(after - before for before, after in itertools.pairwise(served) if after > since)


def restart(dataplane, number):
    """Returns the time of the signal."""
    ended_at = time.time()
    dataplane.signal(number)
    until(lambda: not dataplane.alive(), 10, "cardea-dataplane has ended", pause=0.001)
    assert dataplane.exit_code() == (0 if number == signal.SIGTERM else -number)
    dataplane.start()
    return ended_at


def round_of(standard, number):
    """Seconds without traffic."""
    standard.cardea.until_ready()
    loads = [standard.load("hold", "hold", WEB[4], 80, "--connections", 20, "--path", "/big", "--timeout", 30).process, both_ways(standard)]
    probing = standard.load("probe", "probe", WEB[4], 80, "--every", 0.02, "--timeout", 3)
    time.sleep(1.5)
    assert all(load.alive() for load in loads), [load.tail() for load in loads]
    since = restart(standard.cardea.dataplane, number)
    time.sleep(2.5)
    line = probing.stop()["line"]
    for load in loads:
        load.kill()
    return away(line, since)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_it_is_less_than_half_a_second(standard, number, record_property):
    took = []
    while len(took) < ROUNDS and (not took or min(took) >= AWAY_MAX):
        took.append(round_of(standard, number))
    print(f"AWAY {standard.forward} {number.name}: {[round(seconds, 3) for seconds in took]}")
    record_property("away_seconds", round(min(took), 3))
    assert min(took) < AWAY_MAX, took
