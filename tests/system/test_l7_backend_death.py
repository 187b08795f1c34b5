"""A backend dies while requests run: those that are safe to send again are sent elsewhere, what was under way on it fails with
a reason in the log, and the pool recovers."""
import time

import pytest

from lab.web import SHOP, Web
from lab.wait import until

TRANSFERS = 9


@pytest.fixture(scope="module")
def web():
    with Web(origin=True) as running:
        yield running


@pytest.fixture(autouse=True)
def everything_is_up(web):
    web.cardea.until_backends("up")


def on_backend(web, name):
    """Exchanges and tunnels under way on it in pool pages."""
    return web.metrics().total("cardea_l7_backend_connections", pool="pages", backend=web.backend_address(name))


def test_safe_requests_are_sent_elsewhere(web):
    slow = [web.load(f"slow{n}", "hold", SHOP[4], 443, "--connections", 1, "--path", "/slow", "--timeout", 120, *web.tls())
            for n in range(TRANSFERS)]
    probing = web.load("probe", "probe", SHOP[4], 443, "--every", 0.01, "--path", "/pages/x", "--timeout", 20, *web.tls())
    until(lambda: on_backend(web, "b1") >= TRANSFERS // 3 - 1, 20, "transfers run on b1")
    time.sleep(1)
    died_ms = time.time() * 1000
    web.nginx["b1"].kill()
    time.sleep(2)
    line = probing.stop()["line"]
    broken = [result for result in (load.stop() if load.process.alive() else load.finish() for load in slow) if result["failed"]]
    web.nginx["b1"].start()
    assert [entry for entry in line if "error" in entry] == [], "a request that could be sent again was not"
    assert 1 <= len(broken) <= TRANSFERS // 3 + 1, f"{len(broken)} transfers broke"
    told = [entry for entry in web.access_log() if entry["path"] == "/slow" and entry["reason"] != "ok"
            and entry["backend"] == web.backend_address("b1")]
    assert len(told) >= len(broken), (told, died_ms)
    page = web.metrics()
    assert page.total("cardea_l7_backend_connect_failures_total", pool="pages", backend=web.backend_address("b1")) > 0
    assert page.total("cardea_l7_backend_retries_total", pool="pages", backend=web.backend_address("b1")) > 0


def test_the_pool_recovers(web):
    before = web.metrics()
    for _ in range(30):
        assert web.get("https://shop.example/pages/x")[0] == 200
    page = web.metrics()
    for name in ("b1", "b2", "b3"):
        labels = {"pool": "pages", "backend": web.backend_address(name)}
        served = page.total("cardea_l7_backend_requests_total", **labels) - before.total("cardea_l7_backend_requests_total", **labels)
        assert 8 <= served <= 12, f"{name} got {served} of 30"


def test_what_may_not_be_sent_twice_is_not(web):
    assert web.get("http://shop.example:8080/quit?safe")[0] == 502
    assert web.get("http://shop.example:8080/quit?unsafe", "-X", "POST", "-d", "an order")[0] == 502
    safe, unsafe = (web.logged(path="/quit", method=method)[-1] for method in ("GET", "POST"))
    assert safe["attempts"] == 2 and unsafe["attempts"] == 1, (safe, unsafe)
    assert safe["reason"] == unsafe["reason"] != "ok"


def test_an_answer_that_breaks_off_does_not_look_whole(web):
    assert web.curl("http://shop.example:8080/break", check=False).returncode == 18  # curl: the transfer was partial
    entry = web.logged(path="/break")[-1]
    assert entry["reason"] != "ok" and entry["attempts"] == 1 and entry["status"] == 200


def test_health_and_passive_signals_stand_side_by_side(web):
    row = next(r for r in web.cardea.backends("pages") if r["address"] == web.backend_address("b1"))
    assert row["state"] == "up" and row["l7"]["connect_failures"] > 0, row
