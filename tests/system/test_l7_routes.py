"""Routes as a site would write them: everything to https in one line, fixed answers, conditions, rewriting and shares, asked with
curl, and `explain` saying beforehand what then happens."""
import collections
import json

import pytest

from lab.site import CLIENT_HOST, WAN
from lab.web import SHOP, Web

PLAIN, ROUTED = "http://shop.example", "http://shop.example:8080"
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
    next(s for s in document["services"] if s["name"] == "origin")["routes"] = [
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
        {"name": "rest", "pool": "first"}]


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


def test_conditions_lead_to_their_pools_and_the_cache_keeps_them_apart(web):
    url = ROUTED + "/cache/x?cache-control=max-age=600"
    ways = {"b1": [[]], "b2": [["-H", "X-Beta: 1"], ["-H", "Cookie: a=1; side=bb"]]}
    for _ in range(2):
        for backend, words in ways.items():
            for way in words:
                assert web.curl(url, *way).stdout.startswith(backend + " "), way
    assert web.curl(url + "&v=21").stdout.startswith("b2 ")
    assert web.curl(url + "&v=12").stdout.startswith("b1 ")
    assert len(web.logged(path="/cache/x", cache="hit")) >= 3
    assert echo(web, "/echo", "-X", "POST")[0] == "b2" and echo(web, "/echo")[0] == "b1", "writes go elsewhere"
    assert echo(web, "/near/echo")[1] == "/echo", "for this client's network"


def test_backends_see_what_is_rewritten(web):
    assert echo(web, "/shop/a/b?c=d")[:2] == ("b1", "/echo/a/b?c=d")
    headers = echo(web, "/shop/a")[2]
    assert (headers["host"], headers["x-forwarded-host"]) == ("inner.example", "shop.example:8080")
    assert web.get(ROUTED + "/v2/echo")[1]["x-backend"] == "b2"
    assert web.get(ROUTED + "/vx/echo")[1]["x-backend"] == "b1"


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
