"""A second pool gets copies of requests (tests/system/lab/copies.py), of clients of HTTP/1.1, HTTP/2 and TLS: what it is sent, what is
left out, and that a client sees nothing of it, whatever that pool does."""
import hashlib
import json

import pytest

from lab.copies import PORT, Copies
from lab.site import CLIENT_HOST, WAN
from lab.wait import until
from lab.web import BASE, VERSIONS, Web, add_pool_beside_origin

BODY_MAX = 64 << 10
UNDER_WAY_MAX = 2


def mirrored(document):
    add_pool_beside_origin(document, "next", PORT)
    add_pool_beside_origin(document, "nobody", PORT + 1)
    copied = {"pool": "next", "body_max": f"{BODY_MAX}B"}
    routes = [
        {"name": "echo", "match": {"path": "/echo/"}, "pool": "origin", "mirror": copied,
         "request_headers": {"set": ["X-Tier: gold"]}},
        {"name": "sink", "match": {"path": "/sink"}, "pool": "origin", "mirror": copied},
        {"name": "few", "match": {"path": "/status/200"}, "pool": "origin", "mirror": {"pool": "next", "under_way_max": UNDER_WAY_MAX}},
        {"name": "cached", "match": {"path": "/cache/"}, "pool": "origin", "mirror": copied, "cache": "edge"},
        {"name": "nobody", "match": {"path": "/api"}, "pool": "origin", "mirror": {"pool": "nobody"}},
        {"name": "socket", "match": {"path": "/socket"}, "pool": "origin", "mirror": copied},
        {"name": "never", "match": {"path": "/bytes/"}, "pool": "origin", "mirror": {"pool": "next", "sample": 0}}]
    for service in document["services"]:
        if service["name"].startswith("origin"):
            service["routes"] = [dict(route) for route in routes]


class Mirrored(Web):
    def __enter__(self):
        super().__enter__()
        self.copies = Copies(self.site, self.site.backends[0]).start()
        return self

    def copied(self, path, count=1):
        """Waits for that many copies of this path; there are no more."""
        until(lambda: len(self.copies.of(path)) >= count, 5, f"{count} copies of {path}")
        found = self.copies.of(path)
        assert len(found) == count, found
        return found

    def counted(self, what):
        return sum(self.metrics().total(f"cardea_l7_service_{what}_total", service=service) for service in ("origin", "origin_tls"))


@pytest.fixture(scope="module")
def web():
    with Mirrored(origin=True, change=mirrored) as running:
        yield running


@pytest.fixture(params=VERSIONS)
def shop(request):
    return request.param, *VERSIONS[request.param]


def test_a_copy_is_what_the_backend_was_asked(web, shop):
    kind, base, version = shop
    path = f"/echo/{kind}"
    status, headers, body = web.get(f"{base}{path}?a=b", version, "-H", "Cookie: who=me", "-H", "X-Tier: mine")
    seen, copy = json.loads(body), web.copied(path)[0]
    assert status == 200 and "x-of-the-copy" not in headers
    assert (copy["method"], copy["target"], copy["length"]) == ("GET", f"{path}?a=b", 0)
    assert copy["headers"] == dict(seen["headers"]) and copy["headers"]["x-tier"] == "gold" and copy["headers"]["cookie"] == "who=me"
    assert copy["headers"]["x-forwarded-for"] == WAN.address(CLIENT_HOST, 4)
    assert len(web.logged(path=path)) == 1, "the log has the client's request, and not the copy's"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_bodies_are_copied(web, shop, framing, tmp_path):
    kind, base, version = shop
    body = (f"{kind} {framing} ".encode() * BODY_MAX)[:BODY_MAX - 1]
    (tmp_path / "body").write_bytes(body)
    chunked = ["-H", "Transfer-Encoding: chunked"] if framing == "chunked" and kind == "h1" else []
    path = f"/sink/{kind}/{framing}"
    got = json.loads(web.curl(base + path, version, "-T", str(tmp_path / "body"), "-X", "POST", *chunked).stdout)
    copy, digest = web.copied(path)[0], hashlib.sha256(body).hexdigest()
    assert got == {"length": len(body), "sha256": digest}
    assert (copy["method"], copy["length"], copy["sha256"]) == ("POST", len(body), digest)
    assert copy["headers"]["content-length"] == str(len(body)) and "transfer-encoding" not in copy["headers"]
    assert "expect" not in copy["headers"]


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_larger_bodies_pass_uncopied(web, shop, framing, tmp_path):
    kind, base, version = shop
    body = b"0123456789abcdef" * (BODY_MAX // 8)
    (tmp_path / "body").write_bytes(body)
    chunked = ["-H", "Transfer-Encoding: chunked"] if framing == "chunked" and kind == "h1" else []
    path, before = f"/sink/large/{kind}/{framing}", web.counted("mirror_skipped")
    got = json.loads(web.curl(base + path, version, "-T", str(tmp_path / "body"), "-X", "POST", *chunked).stdout)
    assert got == {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    until(lambda: web.counted("mirror_skipped") == before + 1, 5, "it was counted")
    assert not web.copies.of(path)


def test_no_client_waits_for_a_copy(web, shop):
    kind, base, version = shop
    for word in ("quit", "large", "other"):
        status, headers, body = web.get(f"{base}/echo/{kind}/{word}?copies={word}", version, "--max-time", "3")
        assert status == 200 and json.loads(body)["target"].startswith("/echo/") and "x-of-the-copy" not in headers
        until(lambda path=f"/echo/{kind}/{word}": web.copies.of(path), 5, "a copy was sent")  # again, where a connection was over
    before = web.counted("mirror_failed")
    assert web.get(f"{base}/api/{kind}", version, "--max-time", "3")[0] == 200
    until(lambda: web.counted("mirror_failed") == before + 1, 10, "a copy that nobody takes was counted")


def test_what_the_cache_answers_is_not_copied(web, shop):
    kind, base, version = shop
    bodies = {web.curl(f"{base}/cache/{kind}", version).stdout for _ in range(4)}
    assert len(bodies) == 1
    web.copied(f"/cache/{kind}")


def test_the_sample(web):
    before = web.counted("mirrored"), web.counted("mirror_skipped")
    for _ in range(5):
        web.curl(BASE + "/bytes/10", "-f", "-o", "/dev/null")
    assert (web.counted("mirrored"), web.counted("mirror_skipped")) == before and not web.copies.of("/bytes/10")


def test_no_more_are_under_way_than_may_be(web):
    """Of both shards; when they have gone there is room again."""
    path, before = "/status/200", web.counted("mirror_skipped")
    for _ in range(UNDER_WAY_MAX + 6):
        assert web.get(f"{BASE}{path}?copies=wait", "--max-time", "3")[0] == 200
    until(lambda: web.counted("mirror_skipped") == before + 6, 5, "the others were counted")
    web.copied(path, UNDER_WAY_MAX)
    web.copies.open()

    def again():
        web.get(f"{BASE}{path}?copies=later", "--max-time", "3")
        return len(web.copies.of(path)) > UNDER_WAY_MAX
    until(again, 5, "a copy is made again")


def test_explain_tells_of_it(web):
    story = json.dumps(web.cardea.explain_url("GET", BASE + "/echo/a"))
    assert "next" in story and "cop" in story, story
