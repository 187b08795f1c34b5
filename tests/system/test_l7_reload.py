"""A hundred reloads with changing routes, weights and certificates while wrk, hey and clients that verify run over TLS: not one
failed request."""
import random

import pytest

from lab.authority import serial
from lab.wait import until
from lab.web import SHOP, Web, route
from lab.wrk import Hey, Wrk

RELOADS = 100
NEW_CERTIFICATE_EVERY = 5


@pytest.fixture(scope="module")
def web():
    with Web() as running:
        yield running


def change(web, number, chance):
    for name in ("pages", "api"):
        for backend in web.pool(name)["backends"][1:]:
            backend["weight"] = chance.randint(0, 5)
    shop = web.service("shop")
    shop["routes"] = [r for r in shop["routes"] if not r["name"].startswith("extra")]
    for extra in range(number % 4):
        shop["routes"].insert(0, route(f"extra{extra}", f"/extra/{number}/{extra}/", chance.choice(["api", "images"]), "shop.example"))
    web.document["services"] = [s for s in web.document["services"] if s["name"] != "passing"]
    if number % 3 == 0:  # a listening socket that comes and goes
        web.document["services"].append({"name": "passing", "mode": "http", "pool": "api", "listen": [f"{SHOP[4]}:{9000 + number}/tcp"]})
    if number % NEW_CERTIFICATE_EVERY == 0:
        web.authority.issue("shop.example", kind=chance.choice(["ec", "rsa"]))


def serial_shown(web):
    return web.site.client.run("bash", "-c", f"openssl s_client -connect {SHOP[4]}:443 -servername shop.example </dev/null "
                               "2>/dev/null | openssl x509 -noout -serial").stdout.strip().removeprefix("serial=")


def test_a_hundred_reloads_disturb_nobody(web):
    chance = random.Random(7)
    generators = [Wrk(web.site, "kept", "https://shop.example/pages/x", 300, connections=4).start(),
                  Wrk(web.site, "closing", "https://shop.example/api/x", 300, connections=2, close=True).start(),
                  Hey(web.site, "images", "https://shop.example/images/x", 300, connections=2, rate=50).start()]
    holding = web.load("hold", "hold", SHOP[4], 443, "--connections", 12, "--path", "/big", "--pause", 0.2, "--timeout", 60,
                       "--sha256", web.nginx["b1"].big_sha256, *web.tls())
    probing = web.load("probe", "probe", SHOP[4], 443, "--every", 0.05, "--path", "/api/x", "--timeout", 20, *web.tls())
    web.reload()  # news of certificates are told against the last reload
    before = web.cardea.cli("status")["generation"]
    for number in range(RELOADS):
        change(web, number, chance)
        told = web.reload().stdout
        if number % NEW_CERTIFICATE_EVERY == 0:
            assert 'shop.example.crt": another one, until' in told, told
            assert serial_shown(web) == serial(web.authority.folder / "shop.example.crt"), "the new certificate is not served"
    after = web.cardea.cli("status")["generation"]
    results = [generator.stop() for generator in generators]
    line, held = probing.stop()["line"], holding.stop()
    assert [r["text"] for r in results if r["failed"] or not r["requests"]] == []
    assert held["failed"] == held["corrupt"] == 0 and held["requests"] > 20, held
    assert [entry for entry in line if "error" in entry] == []
    assert after - before >= RELOADS
    print(f"{sum(r['requests'] for r in results)} requests by wrk and hey during {RELOADS} reloads, none failed")


def test_a_certificate_that_was_read_before_the_reload_is_told_of_by_it(web):
    web.reload()
    web.authority.issue("shop.example")
    issued = serial(web.authority.folder / "shop.example.crt")
    web.cardea.run("set", "weight", "pages/10.0.0.12:80", "3")  # a plan: cardea-l7 looks at the files with it
    until(lambda: serial_shown(web) == issued, 15, "the new certificate is not served")
    web.cardea.run("set", "weight", "pages/10.0.0.12:80", "config")
    assert 'shop.example.crt": another one, until' in (told := web.reload().stdout), told
    assert "another one" not in (told := web.reload().stdout), told


def test_a_route_is_there_as_soon_as_the_reload_says_so(web):
    shop = web.service("shop")
    for number in range(5):
        shop["routes"].insert(0, route(f"new{number}", f"/new/{number}/", "images", "shop.example"))
        web.reload()
        assert web.get(f"https://shop.example/new/{number}/")[1]["x-backend"] == "b3"
    web.cardea.until_ready()
