"""A hundred reloads with changing weights and services while real clients transfer: nothing fails, nothing moves."""
import random

from lab.configuration import service
from lab.standard import WEB, Standard

RELOADS = 100


def change(document, number, chance):
    """Other weights for everybody but the first backend of each pool, and services that come and go."""
    for pool in document["pools"]:
        for backend in pool["backends"][1:]:
            backend["weight"] = chance.randint(0, 5)
    document["services"] = [s for s in document["services"] if not s["name"].startswith("extra")]
    for extra in range(number % 4):
        document["services"].append(service(f"extra{extra}", [f"203.0.113.{100 + extra}:{1000 + number}/tcp"], "web"))


def test_a_hundred_reloads_disturb_nobody():
    chance = random.Random(7)
    with Standard(weights=[1, 1, 1]) as standard:
        sha256 = standard.nginx["b1"].big_sha256
        holding = [standard.load(f"hold{family}", "hold", WEB[family], 80, "--connections", 12, "--path", "/big", "--pause", 0.1,
                                 "--timeout", 60, "--sha256", sha256) for family in (4, 6)]
        probing = standard.load("probe", "probe", WEB[4], 80, "--every", 0.02)
        before = standard.cardea.cli("status")
        for number in range(RELOADS):
            change(standard.document, number, chance)
            standard.reload()
        after = standard.cardea.cli("status")
        line, held = probing.stop()["line"], [load.stop() for load in holding]
    for result in held:
        assert result["failed"] == result["moved"] == result["corrupt"] == 0, result
        assert len(result["backends"]) > 1 and result["requests"] > 20, result
    assert [entry for entry in line if "error" in entry] == []
    assert after["generation"] - before["generation"] >= RELOADS
