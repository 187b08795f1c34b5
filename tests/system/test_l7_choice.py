"""Which backend a request goes to, where more than the balance decides: a cookie, errors in a row, a place in a queue."""
import concurrent.futures
import re

import pytest

from lab.origin import PORT
from lab.wait import until
from lab.web import SHOP, Web, http_service, l7_pool

STICKY, STICKY_TLS, EJECTING, QUEUE, IMPATIENT = 8091, 8092, 8093, 8094, 8095
ERRORS = 3


def pool_of(name, backends, connections_max=0, **settings):
    pool = l7_pool(name, backends, PORT, **settings)
    for backend in pool["backends"]:
        backend["connections_max"] = connections_max
    return pool


def add_pools(document, site):
    b1, b2 = site.backends[:2]
    certificates = document["services"][0]["tls"]["certificates"][:1]
    document["pools"] += [
        pool_of("sticky", [b1, b2], sticky={"cookie": "where", "key": "a key of this test"}),
        pool_of("ejecting", [b1, b2], ejection={"errors": 0, "gateway_errors": ERRORS, "time": "4s"}),
        pool_of("queue", [b1], 1, queue={"length": 2, "timeout": "30s"}),
        pool_of("impatient", [b1], 1, queue={"length": 2, "timeout": "300ms"})]
    listen = {port: [f"{SHOP[4]}:{port}/tcp"] for port in (STICKY, STICKY_TLS, EJECTING, QUEUE, IMPATIENT)}
    document["services"] += [
        http_service("sticky", listen[STICKY], pool="sticky"),
        http_service("sticky_tls", listen[STICKY_TLS], certificates, pool="sticky"),
        http_service("ejecting", listen[EJECTING], pool="ejecting"), http_service("queue", listen[QUEUE], pool="queue"),
        http_service("impatient", listen[IMPATIENT], pool="impatient")]


@pytest.fixture(scope="module")
def web():
    web = Web(origin=True)
    add_pools(web.document, web.site)
    with web as running:
        yield running


def url(port, path, scheme="http"):
    return f"{scheme}://shop.example:{port}{path}"


def ask(web, port, path, *words, scheme="http"):
    """Backend, and the cookie as it was set, None where none was."""
    head = web.curl(url(port, path, scheme), "-sSi", *words).stdout
    set_cookie = re.search(r"(?mi)^set-cookie: (where=.*?)\r?$", head)
    backend = re.search(r"(?mi)^x-backend: (\w+)", head)
    return backend and backend[1], set_cookie and set_cookie[1]


def test_a_client_stays_with_its_backend(web):
    backend, cookie = ask(web, STICKY, "/echo")
    assert re.fullmatch(r"where=[0-9a-f]{32}; Path=/; HttpOnly; SameSite=Lax", cookie)
    pair = cookie.split(";")[0]
    for _ in range(6):
        assert ask(web, STICKY, "/echo", "-b", pair) == (backend, None)
    other = {ask(web, STICKY, "/echo")[0] for _ in range(4)}
    assert other == {"b1", "b2"}, "who has no cookie goes anywhere"
    assert ask(web, STICKY_TLS, "/echo", scheme="https")[1].endswith("; SameSite=Lax; Secure")


def test_who_drains_keeps_its_clients_and_who_is_away_loses_them(web):
    backend, cookie = ask(web, STICKY, "/echo")
    pair, address = cookie.split(";")[0], web.backend_address(backend, PORT)
    try:
        web.cardea.run("set", "backend", f"sticky/{address}", "drain")
        until(lambda: ask(web, STICKY, "/echo")[0] != backend and ask(web, STICKY, "/echo")[0] != backend, 5, "it drains")
        assert ask(web, STICKY, "/echo", "-b", pair) == (backend, None)
        web.cardea.run("set", "backend", f"sticky/{address}", "maint")
        until(lambda: ask(web, STICKY, "/echo", "-b", pair)[0] != backend, 5, "its client goes elsewhere")
        elsewhere, replaced = ask(web, STICKY, "/echo", "-b", pair)
        assert replaced and replaced.split(";")[0] != pair
        assert ask(web, STICKY, "/echo", "-b", replaced.split(";")[0]) == (elsewhere, None)
    finally:
        web.cardea.run("set", "backend", f"sticky/{address}", "ready")
    until(lambda: ask(web, STICKY, "/echo", "-b", pair) == (backend, None), 5, "the first cookie is good again")


def row(web, pool, name):
    return next(one for one in web.cardea.backends(pool) if one["address"] == web.backend_address(name, PORT))


def test_who_answers_nothing_but_errors_is_left_alone_by_the_whole_host(web):
    statuses = [web.get(url(EJECTING, "/status/503?at=b1"))[0] for _ in range(24)]
    assert statuses.count(503) == ERRORS and statuses[-6:] == [200] * 6, statuses
    until(lambda: row(web, "ejecting", "b1")["l7"]["ejected"], 5, "it is shown")
    assert row(web, "ejecting", "b1")["state"] == "up", "its health checks have nothing to do with it"
    assert row(web, "ejecting", "b1")["l7"]["ejections"] == 1 and row(web, "ejecting", "b2")["l7"]["ejections"] == 0
    assert "up, ejected" in web.cardea.run("show", "backends").stdout
    assert web.metrics().total("cardea_l7_backend_ejections_total", pool="ejecting", cause="gateway_errors") == 1
    until(lambda: not row(web, "ejecting", "b1")["l7"]["ejected"], 15, "its time is over")
    served = {ask(web, EJECTING, "/echo")[0] for _ in range(6)}
    assert served == {"b1", "b2"}


def test_the_last_backend_is_never_ejected(web):
    statuses = [web.get(url(EJECTING, "/status/503"))[0] for _ in range(20)]
    assert statuses == [503] * 20
    ejected = [name for name in ("b1", "b2") if web.metrics().total(
        "cardea_l7_backend_ejected", pool="ejecting", backend=web.backend_address(name, PORT))]
    assert len(ejected) <= 1
    assert web.get(url(EJECTING, "/echo"))[0] == 200


def queued(web, pool):
    return web.metrics().total("cardea_l7_pool_queue", pool=pool)


def hold(web, clients, pool, port, seconds):
    """Something under way that leaves no place at the pool's backend."""
    held = clients.submit(web.get, url(port, f"/wait/{seconds}"))
    labels = {"pool": pool, "backend": web.backend_address("b1", PORT)}
    until(lambda: web.metrics().total("cardea_l7_backend_connections", **labels) == 1, 3, "the backend is busy")
    return held


def test_who_finds_all_busy_waits_and_who_finds_the_queue_full_does_not(web):
    with concurrent.futures.ThreadPoolExecutor(4) as clients:
        asked = [hold(web, clients, "queue", QUEUE, 4), *(clients.submit(web.get, url(QUEUE, "/echo")) for _ in range(3))]
        statuses = sorted(one.result()[0] for one in asked)
    assert statuses == [200, 200, 200, 503], "two wait, on whichever shard they came to"
    assert web.logged(pool="queue", reason="queue_full")
    waited = web.logged(2, pool="queue", path="/echo", reason="ok")
    assert all(line["t_queue_ms"] > 0 for line in waited), waited
    page = web.metrics()
    assert page.total("cardea_l7_pool_queue_full_total", pool="queue") == 1
    assert page.total("cardea_l7_pool_queued_total", pool="queue") == 2
    assert queued(web, "queue") == 0


def test_who_waited_long_enough_is_told_so(web):
    with concurrent.futures.ThreadPoolExecutor(2) as clients:
        held = hold(web, clients, "impatient", IMPATIENT, 4)
        assert web.get(url(IMPATIENT, "/echo"))[0] == 503
        assert held.result()[0] == 200
    assert web.logged(pool="impatient", reason="queue_timeout")[0]["t_queue_ms"] >= 300
    assert web.metrics().total("cardea_l7_pool_queue_timeouts_total", pool="impatient") == 1
