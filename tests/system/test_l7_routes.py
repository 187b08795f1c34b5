"""Routes as a site would write them: everything to https in one line, fixed answers, conditions, rewriting and shares, asked with
curl, and `explain` saying beforehand what then happens."""
import collections
import json
import random

import pytest

from lab.process import Process
from lab.site import CLIENT_HOST, WAN
from lab.wait import until
from lab.web import SHOP, Web

PLAIN, ROUTED, ROUTED_TLS = "http://shop.example", "http://shop.example:8080", "https://shop.example:8443"
HTTP2 = {"tls": (ROUTED_TLS, "--http2"), "plain": (ROUTED, "--http2-prior-knowledge")}
CLIENT = WAN.address(CLIENT_HOST, 4)


def named(name, **value):
    return {"name": name, **value}


def routed(document):
    plain = next(s for s in document["services"] if s["name"] == "plain")
    del plain["pool"]
    plain["redirect"] = {"scheme": "https"}
    b1, b2 = next(p for p in document["pools"] if p["name"] == "origin")["backends"]
    origin = next(p for p in document["pools"] if p["name"] == "origin")
    document["pools"] += [{**origin, "name": "first", "backends": [b1]}, {**origin, "name": "second", "backends": [b2]}]
    routes = [
        {"name": "robots", "match": {"path_exact": "/robots.txt"}, "respond": {"body": "User-agent: *\nDisallow: /\n"}},
        {"name": "closed", "match": {"path": "/closed/"}, "respond": {"status": 503, "content_type": "text/html", "body": "<p>later"}},
        {"name": "moved", "match": {"path": "/old/"}, "redirect": {"status": 308, "prefix": "/new/"}},
        {"name": "version", "match": {"path_regex": "/v[0-9]+/echo"}, "pool": "second"},
        {"name": "beta", "match": {"path": "/cache/", "headers": [named("X-Beta", exact="1")]}, "pool": "second", "cache": "edge"},
        {"name": "side", "match": {"path": "/cache/", "cookies": [named("side", regex="b.*")]}, "pool": "second", "cache": "edge"},
        {"name": "asked", "match": {"path": "/cache/", "query": [named("v", prefix="2")]}, "pool": "second", "cache": "edge"},
        {"name": "cache", "match": {"path": "/cache/"}, "pool": "first", "cache": "edge"},
        {"name": "writes", "match": {"path": "/", "method": ["POST"]}, "pool": "second"},
        {"name": "near", "match": {"path": "/near/", "client": [CLIENT + "/32"]}, "pool": "first", "rewrite": {"prefix": "/"}},
        {"name": "far", "match": {"path": "/near/"}, "respond": {"status": 403}},
        {"name": "shop", "match": {"path": "/shop/"}, "pool": "first", "rewrite": {"prefix": "/echo/", "host": "inner.example"}},
        {"name": "split", "match": {"path": "/split/"}, "rewrite": {"prefix": "/echo/"},
         "split": [{"pool": "first", "weight": 3}, {"pool": "second", "weight": 1}]},
        {"name": "kept", "match": {"path": "/kept/"}, "rewrite": {"prefix": "/echo/"}, "split_by": "client",
         "split": [{"pool": "first"}, {"pool": "second"}]},
        {"name": "made", "match": {"path_regex": "/made/(?P<name>[^/]+)(/.*)?"}, "pool": "first",
         "rewrite": {"path": "/echo${path:2}?name=${path:name}"}, "request_headers": {"set": ["X-Made: ${path:name}"]}},
        {"name": "half", "match": {"path_regex": "/half/(..)A?"}, "pool": "first", "rewrite": {"path": "/echo/${path:1}"}},
        {"name": "gone", "match": {"path_regex": "/gone/([a-z]+)/(.*)"}, "redirect": {"path": "/made/${path:2}?of=${path:1}"}},
        {"name": "rest", "pool": "first"}]
    for service in document["services"]:
        if service["name"].startswith("origin"):
            service["routes"] = routes


@pytest.fixture(scope="module")
def web():
    with Web(origin=True, change=routed) as running:
        yield running


def echo(web, path, *words):
    answer = json.loads(web.curl(ROUTED + path, *words).stdout)
    return answer["backend"], answer["target"], {name: value for name, value in answer["headers"]}


def test_a_whole_service_is_sent_to_https_by_one_line(web):
    status, headers, _ = web.get(PLAIN + "/a/b?c=d")
    assert (status, headers["location"]) == (301, "https://shop.example/a/b?c=d")
    entry = web.logged(path="/a/b", service="plain")[-1]
    assert (entry["route"], entry["status"], entry["reason"]) == ("plain", 301, "ok") and "pool" not in entry
    out = web.curl(PLAIN + "/api/x", "-L", "-o", "/dev/null", "-w", "%{url_effective} %{http_code} %{num_redirects}").stdout
    assert out == "https://shop.example/api/x 200 1", "who follows it arrives"


def test_fixed_answers_and_moves(web):
    status, headers, body = web.get(ROUTED + "/robots.txt")
    assert (status, headers["content-type"], body) == (200, "text/plain; charset=utf-8", "User-agent: *\nDisallow: /\n")
    assert web.get(ROUTED + "/robots.txt/x")[0] == 404, "only that path, and no backend knows this one"
    assert web.get(ROUTED + "/closed/x")[::2] == (503, "<p>later")
    status, headers, _ = web.get(ROUTED + "/old/a%20b?c", "-X", "POST", "-d", "x" * 100_000)
    assert (status, headers["location"]) == (308, ROUTED + "/new/a%20b?c")
    out = web.curl(ROUTED + "/robots.txt", "-I", "-w", "%{http_code} ", "--next", "-sS", "-w", "%{num_connects}",
                   ROUTED + "/robots.txt").stdout
    assert out.rstrip().endswith("0"), "the connection goes on behind a HEAD"


@pytest.fixture(params=HTTP2)
def http2(request):
    return HTTP2[request.param]


def test_http2_is_sent_elsewhere_and_answered_alike(web, http2):
    base, flag = http2
    out = web.curl(base + "/old/a%20b?c", flag, "-o", "/dev/null", "-w", "%{http_version} %{http_code} %header{location}").stdout
    assert out == f"2 308 {base}/new/a%20b?c"
    status, headers, body = web.get(base + "/robots.txt", flag)
    assert (status, headers["content-type"], body) == (200, "text/plain; charset=utf-8", "User-agent: *\nDisallow: /\n")
    assert web.get(base + "/old//evil.example/%5Cx", flag, "--path-as-is")[1]["location"] == base + "/new//evil.example/%5Cx"
    assert web.get(base + "/closed/x", flag)[::2] == (503, "<p>later")
    status, headers, body = web.get(base + "/closed/x", flag, "-I")
    assert (status, headers["content-length"], body) == (503, "8", "")
    assert web.logged(path="/old/a%20b", proto="HTTP/2.0", status=308, route="moved", reason="ok")


def test_http2_goes_on_behind_a_body_that_nobody_wanted(web):
    base, flag = HTTP2["tls"]  # this curl sends its preface twice where it knew beforehand
    file = web.site.run.path / "unwanted"
    file.write_bytes(bytes(3_000_000))
    each = ["-sS", flag, "--cacert", str(web.authority.certificate), "-o", "/dev/null", "-w", "%{http_code} %{num_connects} "]
    out = web.curl(base + "/robots.txt", "-T", str(file), base + "/old/x", *each,
                   "--next", "-d", "x", base + "/closed/x", *each, "--next", *each).stdout
    assert out == "308 1 503 0 200 0 "


def test_http2_is_led_and_rewritten_alike(web, http2):
    base, flag = http2
    seen = json.loads(web.curl(base + "/shop/a/b?c=d", flag).stdout)
    headers = dict(seen["headers"])
    assert (seen["backend"], seen["target"]) == ("b1", "/echo/a/b?c=d")
    assert (headers["host"], headers["x-forwarded-host"]) == ("inner.example", base.partition("://")[2])
    assert json.loads(web.curl(base + "/echo", flag, "-X", "POST").stdout)["backend"] == "b2"
    assert web.get(base + "/v2/echo", flag)[1]["x-backend"] == "b2"
    for words in (["-H", "X-Beta: 1"], ["-H", "Cookie: a=1; side=bb"]):
        assert web.curl(base + "/cache/h2", flag, *words).stdout.startswith("b2 "), words
    assert web.curl(base + "/cache/h2", flag).stdout.startswith("b1 ")


def test_conditions_lead_to_their_pools_and_the_cache_keeps_them_apart(web):
    url = ROUTED + "/cache/x?cache-control=max-age=600"
    ways = {"b1": [[]], "b2": [["-H", "X-Beta: 1"], ["-H", "Cookie: a=1; side=bb"]]}
    for _ in range(2):
        for backend, words in ways.items():
            for way in words:
                assert web.curl(url, *way).stdout.startswith(backend + " "), way
    assert web.curl(url + "&v=21").stdout.startswith("b2 ")
    assert web.curl(url + "&v=12").stdout.startswith("b1 ")
    web.logged(count=3, path="/cache/x", cache="hit")
    assert echo(web, "/echo", "-X", "POST")[0] == "b2" and echo(web, "/echo")[0] == "b1", "writes go elsewhere"
    assert echo(web, "/near/echo")[1] == "/echo", "for this client's network"


def test_backends_see_what_is_rewritten(web):
    assert echo(web, "/shop/a/b?c=d")[:2] == ("b1", "/echo/a/b?c=d")
    headers = echo(web, "/shop/a")[2]
    assert (headers["host"], headers["x-forwarded-host"]) == ("inner.example", "shop.example:8080")
    assert web.get(ROUTED + "/v2/echo")[1]["x-backend"] == "b2"
    assert web.get(ROUTED + "/vx/echo")[1]["x-backend"] == "b1"


def test_paths_are_made_of_groups(web, http2):
    base, flag = http2
    for asked, target, name in (("/made/cups?a=b", "/echo?name=cups&a=b", "cups"), ("/made/a%20b/c/../d", "/echo/d?name=a%20b", "a%20b"),
                                ("/made/x&admin=1+1", "/echo?name=x%26admin%3D1%2B1", "x&admin=1+1")):
        seen = json.loads(web.curl(base + asked, flag, "--path-as-is").stdout)
        assert (seen["backend"], seen["target"], dict(seen["headers"])["x-made"]) == ("b1", target, name)
        told = web.cardea.explain_url("GET", base + asked)
        assert told["forward_path"] + "?" + told["forward_query"] == target
    out = web.curl(base + "/gone/cups/x/y?z=1", flag, "-o", "/dev/null", "-w", "%{http_code} %header{location}").stdout
    assert out == f"301 {base}/made/x/y?of=cups&z=1"
    assert web.get(base + "/half/%41.", flag, "--path-as-is")[0] == 200
    assert web.get(base + "/half/..%41", flag, "--path-as-is")[0] == 400 and web.logged(path="/half/..%41", reason="path_made")


def test_shares_are_random_or_a_clients_own(web):
    counts = collections.Counter(echo(web, "/split/x")[0] for _ in range(60))
    assert counts["b1"] > counts["b2"] > 0, counts
    assert len({echo(web, "/kept/x")[0] for _ in range(10)}) == 1


def test_explain_says_what_then_happens(web):
    told = web.cardea.explain_url("GET", PLAIN + "/a?b")
    assert (told["verdict"], told["status"], told["location"]) == ("redirect", 301, "https://shop.example/a?b")
    assert web.cardea.explain_url("GET", ROUTED + "/closed/x")["verdict"] == "respond"
    told = web.cardea.explain_url("GET", ROUTED + "/shop/a?b")
    assert (told["route"], told["pool"], told["forward_path"]) == ("shop", "first", "/echo/a")
    told = web.cardea.explain_url("GET", ROUTED + "/cache/z", "--header", "X-Beta: 1")
    assert (told["route"], told["pool"]) == ("beta", "second")
    told = web.cardea.explain_url("GET", ROUTED + "/near/echo", "--client", CLIENT + ":4000")
    assert told["route"] == "near"
    kept = web.cardea.explain_url("GET", ROUTED + "/kept/x", "--client", CLIENT + ":4000")
    assert {"first": "b1", "second": "b2"}[kept["pool"]] == echo(web, "/kept/x")[0]
    story = web.cardea.run("explain", "GET", ROUTED + "/split/x").stdout
    assert "split by weight among 2 pools" in story and "at random" in story
    rows = {row["name"]: row for row in web.cardea.cli("show", "routes")["routes"]}
    assert (rows["plain"]["action"], rows["plain"]["pool"]) == ("redirect", None)
    assert [share["weight"] for share in rows["split"]["split"]] == [3, 1]


def test_explain_never_says_otherwise_than_it_goes(web):
    """Requests of random pieces: what was told beforehand is what the log and the answer say afterwards."""
    pick = random.Random(11).choice
    firsts = ("/robots.txt", "/old", "/closed", "/v1/echo", "/cache", "/shop", "/near", "/split", "/kept", "/echo", "/%6fld", "/x/../old", "/x/..%2fold")
    seen = collections.Counter()
    for number in range(36):
        base, flag = pick([(ROUTED, "--http1.1"), (ROUTED, "--http2-prior-knowledge"), (ROUTED_TLS, "--http2"), (PLAIN, "--http1.1")])
        url = base + pick(firsts) + pick(("", "/", "/a%20b", "//c;d", "/e%2ff", "/status/204")) + pick((f"?n={number}", f"?v=2&n={number}"))
        method, fields = pick(("GET", "GET", "POST")), pick(([], ["-H", "X-Beta: 1"], ["-H", "Cookie: side=b"]))
        told = web.cardea.explain_url(method, url, "--client", CLIENT + ":4000", *fields)
        out = web.curl(url, flag, "--path-as-is", "-X", method, *fields, "-o", "/dev/null", "-w", "%{http_code} %header{location}").stdout
        status, _, location = out.partition(" ")
        entry = web.logged(query=url.partition("?")[2])[-1]
        known = {name: told.get(name) for name in ("route", "pool", "reason") if told.get(name) is not None}
        assert {name: entry.get(name) for name in known} == known, (url, told)
        if told["verdict"] != "proxy":
            assert (told["status"], told.get("location", "")) == (int(status), location), (url, told)
            assert "pool" not in entry
        seen[told["verdict"]] += 1
    assert min(seen[verdict] for verdict in ("proxy", "redirect", "respond", "reply")) > 0, seen


def test_routes_change_under_exchanges(web):
    """What is under way ends by the routes it began with, of whatever those that come find."""
    site, service = web.site, web.service("origin_tls")
    kept = service["routes"]
    file, size = site.run.path / "slow", 12_000_000
    slow = Process(site.run, "slow", site.client.command("curl", "-sS", "--http2", "--max-time", "60", "--limit-rate", "3M", "--cacert",
                                                         web.authority.certificate, "-o", file, f"{ROUTED_TLS}/bytes/{size}")).start()
    until(lambda: file.exists() and file.stat().st_size > 0, 20, "a download is under way")
    load = Process(site.run, "load", site.client.command("h2load", "-n", "3000", "-c", "4", "-m", "10", ROUTED_TLS + "/split/x")).start()
    try:
        for number in range(3):
            fixed = {"name": f"n{number}", "match": {"path": f"/n{number}/"}, "respond": {"status": 410}}
            service["routes"] = [fixed, *[{**r, "name": f"{number}.{r['name']}"} for r in kept[:-1]], {"name": "rest", "redirect": {"path": "/robots.txt"}}]
            web.reload()
            assert web.get(ROUTED_TLS + f"/n{number}/x", "--http2")[0] == 410
            assert web.get(ROUTED_TLS + "/wait/0", "--http2")[0] == 301
        load.wait(60)
        assert "3000 succeeded, 0 failed, 0 errored, 0 timeout" in load.tail() and "3000 2xx" in load.tail(), load.tail()
        assert slow.wait(60) == 0 and file.stat().st_size == size, slow.tail()
    finally:
        service["routes"] = kept
        web.reload()


def test_what_cannot_work_is_refused(web):
    document = json.loads(json.dumps(web.document))
    service = next(s for s in document["services"] if s["name"] == "origin")
    service["routes"][3]["match"]["path_regex"] = "/v[0-9/echo"
    before = web.cardea.cli("status")["generation"]
    web.cardea.write(document)
    refused = web.cardea.run("reload", check=False)
    assert refused.returncode != 0 and "missing ]" in refused.stdout + refused.stderr
    assert web.cardea.cli("status")["generation"] == before and web.get(ROUTED + "/robots.txt")[0] == 200
    web.reload()
