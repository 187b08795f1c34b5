"""Headers as an operator changes them, asked with curl over HTTP/1.1 and HTTP/2, on both sides of the proxy."""
import json
import re

import pytest

from lab.site import CLIENT_HOST, WAN
from lab.web import VERSIONS, Web

CLIENT = WAN.address(CLIENT_HOST, 4)


def changed(document):
    for service in document["services"]:
        if service["name"].startswith("origin"):
            service["response_headers"] = {"set": ["X-Frame-Options: DENY", "X-Cache: ${cache_result}"], "remove": ["Via"]}
            service["request_headers"] = {"set": ["X-User: ${cookie:user}", "X-Asked: ${scheme} ${host} ${uri} ${protocol}"],
                                          "remove": ["X-Secret"]}
            own = {"name": "own", "match": {"path": "/own/"}, "respond": {"body": "own"},
                   "response_headers": {"set": ["Cache-Control: max-age=5"], "remove": ["X-Cache"]}}
            service["forwarded"] = "on"
            service["early_hints"] = ["</app.css>; rel=preload; as=style"]
            service["routes"] = [own, *service["routes"]]


@pytest.fixture(scope="module")
def web():
    with Web(origin=True, change=changed) as running:
        yield running


@pytest.fixture(params=VERSIONS)
def shop(request):
    return VERSIONS[request.param]


def test_backends_see_what_is_set_and_nothing_that_passes_for_it(web, shop):
    base, version = shop
    answer = json.loads(web.curl(base + "/echo/a?b=c", version, "-H", "Cookie: user=ann", "-H", "X-User: eve", "-H", "X_User: eve",
                                 "-H", "X-Secret: 1").stdout)
    headers = {name.lower(): value for name, value in answer["headers"]}
    scheme, host = base.split("://")
    protocol = "HTTP/1.1" if version == "--http1.1" else "HTTP/2.0"
    assert headers["x-user"] == "ann" and headers["x-asked"] == f"{scheme} {host} /echo/a?b=c {protocol}"
    assert not {"x_user", "x-secret"} & set(headers)


def test_backends_are_told_of_the_way_by_forwarded(web, shop):
    base, version = shop
    answer = json.loads(web.curl(base + "/echo/a", version, "-H", "Forwarded: for=6.6.6.6;proto=gopher").stdout)
    told = [value for name, value in answer["headers"] if name.lower() == "forwarded"]
    scheme, host = base.split("://")
    quoted = f'"{host}"' if ":" in host else host
    assert told == [f"for={CLIENT};host={quoted};proto={scheme}"]


def test_clients_see_what_is_set_of_backends_and_of_us(web, shop):
    base, version = shop
    status, headers, _ = web.get(base + "/echo/", version)
    assert (status, headers["x-frame-options"]) == (200, "DENY") and "via" not in headers and "x-cache" not in headers
    status, headers, body = web.get(base + "/own/", version)
    assert (status, body, headers["cache-control"], headers["x-frame-options"]) == (200, "own", "max-age=5", "DENY")
    status, headers, _ = web.get(base + "/own/%00", version)
    assert (status, headers["x-frame-options"]) == (400, "DENY"), "an answer of ours, where no route was found"


def test_what_a_cache_knows_is_told(web, shop):
    base, version = shop
    words = [web.get(base + "/cache/headers" + version, version)[1]["x-cache"] for _ in range(2)]
    assert words == ["miss", "hit"]


def test_a_browser_that_navigates_is_hinted_at_what_it_will_need(web, shop):
    base, version = shop
    for mode, hinted in (("navigate", version != "--http1.1"), ("cors", False)):
        told = web.curl(base + "/echo/hints", version, "-v", "-o", "/dev/null", "-H", f"Sec-Fetch-Mode: {mode}").stderr.lower()
        assert re.findall(r"^< http/\S+ (\d+)", told, re.MULTILINE) == (["103", "200"] if hinted else ["200"])
        assert ("< link: </app.css>; rel=preload; as=style" in told) == hinted
