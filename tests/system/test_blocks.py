"""A client that goes on while a rate limit refuses it is blocked by the dataplane for a while: its packets cost no TCP. Others
are served, whoever dies meanwhile, and nobody can have somebody else blocked."""
import time

import pytest

from lab.site import CLIENT_HOST, WAN
from lab.wait import until
from lab.web import SHOP, Web

BASE = f"http://{SHOP[4]}:8080"
CLIENT = WAN.address(CLIENT_HOST, 4)
OFFENDER, SHORT, OFFICE, OTHER = (WAN.address(host, 4) for host in (101, 102, 103, 104))


def limited(document):
    document["dataplane"]["blocks"] = {"never": [f"{OFFICE}/32"], "sources_max": 100}
    document["rate_limits"] = [
        {"name": "long", "requests": 5, "period": "10s", "block_for": "10m", "block_after": 5},
        {"name": "short", "requests": 5, "period": "10s", "block_for": "6s", "block_after": 5}]
    service = next(s for s in document["services"] if s["name"] == "origin")
    service["trusted_proxies"] = {"from": [f"{OTHER}/32"]}
    service["routes"] = [{"name": name, "match": {"path": f"/{name}/"}, "respond": {"body": name}, "rate_limits": [name]}
                         for name in ("long", "short")] + service["routes"]


@pytest.fixture(scope="module")
def web():
    with Web(kernel=False, origin=True, change=limited) as running:
        running.site.client.ip(*(f"addr add {address}/24 dev wan" for address in (OFFENDER, SHORT, OFFICE, OTHER)))
        yield running


def asks(web, source, path, *words, times=1):
    """The last status; 0: nobody answered."""
    done = web.site.client.run("curl", "-sS", "--interface", source, "--connect-timeout", 1, "--max-time", 5, "--fail-early", *words,
                               *(["-o", "/dev/null", BASE + path] * times), "-w", "%{http_code}\n", check=False)
    return int((done.stdout.split() or ["0"])[-1])


def blocked(web):
    return {row["source"]: row for row in web.cardea.cli("show", "limits")["blocked"]}


def offend(web, source, path):
    asks(web, source, path, times=40)
    until(lambda: source in blocked(web), 5, f"{source} is blocked")
    until(lambda: asks(web, source, path) == 0, 5, f"nothing of {source} is taken")


def test_an_offender_is_blocked_and_released_on_time(web):
    assert asks(web, SHORT, "/short/") == 200
    began = time.monotonic()
    offend(web, SHORT, "/short/")
    assert asks(web, CLIENT, "/short/") == 200 and asks(web, SHORT, "/echo/") == 0
    until(lambda: SHORT not in blocked(web), 20, "its time is over")
    until(lambda: asks(web, SHORT, "/echo/") == 200, 5, "it is let in again")
    assert time.monotonic() - began >= 6
    assert web.metrics().total("cardea_drops_total", reason="blocked") > 0
    assert any(loss["detail"] == "blocked" for loss in web.cardea.cli("status")["losses"])


def test_a_block_outlives_each_process_and_ends_by_a_word(web):
    offend(web, OFFENDER, "/long/")
    row = blocked(web)[OFFENDER]
    assert row["limit"] == "long" and 590 <= row["seconds_left"] <= 600
    assert web.cardea.explain(f"{OFFENDER}:4000", f"{SHOP[4]}:8080")["reason"] == "blocked"
    web.cardea.kill_mgmt()
    assert asks(web, OFFENDER, "/echo/") == 0
    web.cardea.start_what_ended()
    assert OFFENDER in blocked(web) and asks(web, OFFENDER, "/echo/") == 0
    web.cardea.kill_dataplane()
    web.cardea.start_what_ended()
    until(lambda: asks(web, CLIENT, "/echo/") == 200, 20, "others are served again")
    until(lambda: asks(web, OFFENDER, "/echo/") == 0, 5, "the new dataplane was told")
    assert web.cardea.run("unblock", OFFENDER).stdout == f"{OFFENDER} is blocked no more\n"
    until(lambda: asks(web, OFFENDER, "/echo/") == 200, 5, "it is let in again")
    assert web.cardea.run("unblock", OFFENDER, check=False).returncode == 1


def test_nobody_can_have_somebody_else_blocked(web):
    for source, words in ((OFFICE, ()), (OTHER, ("-H", f"X-Forwarded-For: {CLIENT}"))):
        assert asks(web, source, "/long/", *words, times=60) == 429
    time.sleep(1.5)
    assert not blocked(web) and asks(web, CLIENT, "/echo/") == 200
    assert asks(web, OFFICE, "/echo/") == 200 and asks(web, OTHER, "/echo/") == 200
