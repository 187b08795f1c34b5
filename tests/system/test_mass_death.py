"""A switch dies and with it every backend behind it, thousands in the same second: mgmt sees each of them, still answers, and L7
stops asking them; all come back the same way."""
import json
import time
import types

import pytest

from lab.cardea import Cardea
from lab.nginx import Nginx
from lab.site import Site
from lab.wait import until

POOLS, BACKENDS_EACH = 400, 10
HEALTH = {"type": "tcp", "interval": "1s", "timeout": "500ms", "rise": 1, "fall": 2}


def document():
    """Every backend is an address of the loopback, where one nginx answers for all of them."""
    pools = [{"name": f"p{pool}", "health": HEALTH,
              "backends": [{"address": f"127.{1 + pool // 200}.{pool % 200}.{1 + n}:80"} for n in range(BACKENDS_EACH)]}
             for pool in range(POOLS)]
    routes = [{"name": pool["name"], "match": {"path": f"/{pool['name']}/"}, "pool": pool["name"]} for pool in pools]
    return {"cluster": {"name": "lab", "seed": "lab"}, "l7": {"shards": [0]}, "pools": pools,
            "services": [{"name": "all", "mode": "http", "listen": ["127.0.0.1:8000/tcp"], "routes": routes}],
            "mgmt": {"metrics": "127.0.0.1:9477"}}


@pytest.fixture(scope="module")
def site():
    with Site(backends=0, kernel=True) as site:
        site.switch = Nginx(site, types.SimpleNamespace(name="switch", namespace=site.lb)).start()
        site.cardea = Cardea(site, document()).start()
        yield site
        site.cardea.stop()


def test_all_die_and_come_back(site):
    site.cardea.until_backends("up", POOLS * BACKENDS_EACH, 60)
    site.switch.kill()
    slowest = answered_meanwhile(site, "down")
    print(f"{POOLS * BACKENDS_EACH} backends died: the slowest answer of the API took {slowest:.2f} s")
    gone = site.lb.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:8000/p7/").stdout
    assert gone == "503"
    site.switch.start()
    answered_meanwhile(site, "up")
    until(lambda: json.loads((site.run.state / "runtime.json").read_text())["health"][-1]["up"], 10, "it is stored")


def answered_meanwhile(site, state, seconds=60):
    """Asks until all backends are in this state; no question may fail meanwhile. The slowest answer, in seconds."""
    slowest, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        began = time.monotonic()
        states = [row["state"] for row in site.cardea.backends()]
        slowest = max(slowest, time.monotonic() - began)
        if states.count(state) == len(states):
            return slowest
        time.sleep(0.2)
    raise AssertionError(f"after {seconds} s {states.count(state)} of {len(states)} backends are {state}")
