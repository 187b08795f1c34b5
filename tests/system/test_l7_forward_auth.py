"""Another service says who may pass (tests/system/lab/auth_service.py), asked by two shards for clients of HTTP/1.1, HTTP/2 and TLS: what
it is told, what backends and clients get of its answers, what becomes of requests while it is away, and what it is not asked again."""
import hashlib
import json

import pytest

from lab.auth_service import PORT, AuthService
from lab.site import CLIENT_HOST, WAN
from lab.web import BASE, VERSIONS, Web, add_pool_beside_origin

AWAY = {"pool": "away", "path": "/verify", "timeout": "500ms"}


def guarded(document):
    add_pool_beside_origin(document, "auth", PORT)
    add_pool_beside_origin(document, "away", PORT + 1)
    auth = {"pool": "auth", "path": "/verify?site=lab", "request_headers": ["Accept"], "answer_headers": ["X-Auth-User", "X-Auth-Groups"],
            "client_headers": ["Set-Cookie"], "user_header": "X-Auth-User", "timeout": "2s"}
    routes = [
        {"name": "open", "match": {"path": "/echo/open/"}, "pool": "origin"},
        {"name": "kept", "match": {"path": "/echo/kept/"}, "pool": "origin", "forward_auth": {**auth, "cache": "1m"}},
        {"name": "session", "match": {"path": "/echo/session/"}, "pool": "origin",
         "forward_auth": {**auth, "cache": "1m", "cache_key": "${cookie:session} ${host}"}},
        {"name": "away", "match": {"path": "/echo/away/"}, "pool": "origin", "forward_auth": AWAY},
        {"name": "lenient", "match": {"path": "/echo/lenient/"}, "pool": "origin",
         "forward_auth": {**AWAY, "when_away": "pass", "answer_headers": ["X-Auth-User"]}},
        {"name": "mine", "match": {"path": "/echo/mine/"}, "pool": "origin", "forward_auth": auth},
        {"name": "sink", "match": {"path": "/sink"}, "pool": "origin", "forward_auth": auth}]
    for service in document["services"]:
        if service["name"].startswith("origin"):
            service["routes"] = [dict(route) for route in routes] + service["routes"]


class Guarded(Web):
    def __enter__(self):
        super().__enter__()
        self.auth = AuthService(self.site, self.site.backends[0]).start()
        return self


@pytest.fixture(scope="module")
def web():
    with Guarded(origin=True, change=guarded) as running:
        yield running


@pytest.fixture(params=VERSIONS)
def shop(request):
    return VERSIONS[request.param]


def session(kind, shop, *more):
    """A cookie of this client's alone, and its name."""
    name = hashlib.sha256(repr((kind, shop, more)).encode()).hexdigest()[:12]
    return ("-H", f"Cookie: session={kind}-{name}"), name


def seen(answer):
    return {name.lower(): value for name, value in json.loads(answer)["headers"]}


def test_who_may_pass_does_and_his_backend_knows_who_he_is(web, shop):
    base, version = shop
    cookie, name = session("user", shop, "pass")
    for _ in range(4):
        headers = seen(web.curl(base + "/echo/mine/../mine/a?b=c", version, *cookie, "--path-as-is", "-H", "X-Auth-User: root", "-H", "x_auth_user: root",
                                "-H", "X-Forwarded-Uri: /free").stdout)
        assert headers["x-auth-user"] == name and headers["x-auth-groups"] == "staff"
        assert "root" not in headers.values() and "x-secret" not in headers
    question = web.auth.asked(f"user-{name}")[-1]
    assert question["path"] == "/verify?site=lab" and question["method"] == "GET"
    assert question["x-forwarded-method"] == "GET" and question["x-forwarded-uri"] == "/echo/mine/a?b=c"
    assert question["x-forwarded-proto"] == base.partition(":")[0] and question["x-forwarded-host"].startswith("shop.example")
    assert question["x-forwarded-for"] == WAN.address(CLIENT_HOST, 4) and "content-length" not in question
    assert web.logged(path="/echo/mine/../mine/a", user=name, count=4)[-1]["reason"] == "ok"


def test_who_may_not_gets_its_answer(web, shop):
    base, version = shop
    status, headers, _ = web.get(base + "/echo/mine/private", version)
    assert (status, headers["location"], headers["set-cookie"]) == (302, "https://login.example/?rd=/echo/mine/private", "csrf=1; Path=/")
    status, headers, _ = web.get(base + "/echo/mine/private", version, "-H", "Accept: application/json")
    assert (status, headers["www-authenticate"]) == (401, 'Basic realm="lab"')
    status, headers, body = web.get(base + "/echo/mine/private", version, *session("banned", shop)[0])
    assert (status, headers["content-type"], body) == (403, "text/html", "<p>not you</p>")
    assert web.logged(path="/echo/mine/private", reason="auth_refused", status=403)
    assert web.get(base + "/echo/mine/private", version, "-u", "ann:ann")[0] == 200
    assert web.get(base + "/echo/open/", version)[0] == 200


def test_a_new_cookie_reaches_the_client(web, shop):
    base, version = shop
    cookie, name = session("renew", shop)
    status, headers, body = web.get(base + "/echo/kept/", version, *cookie)
    assert (status, headers["set-cookie"]) == (200, f"session=user-{name}; Path=/; HttpOnly")
    assert seen(body)["x-auth-user"] == name
    web.get(base + "/echo/kept/", version, *cookie)
    assert len(web.auth.asked(f"renew-{name}")) == 2, "what sets a cookie is not remembered"


def test_what_it_said_is_not_asked_again(web, shop):
    base, version = shop
    cookie, name = session("user", shop, "kept")
    for _ in range(6):  # by either shard
        assert seen(web.curl(base + "/echo/kept/", version, *cookie).stdout)["x-auth-user"] == name
    assert len(web.auth.asked(f"user-{name}")) == 1
    assert web.get(base + "/echo/kept/b", version, *cookie)[0] == 200
    assert len(web.auth.asked(f"user-{name}")) == 2, "of another URL it may say something else"
    cookie, name = session("user", shop, "session")
    for number in range(6):
        assert seen(web.curl(base + f"/echo/session/{number}", version, *cookie).stdout)["x-auth-user"] == name
    assert len(web.auth.asked(f"user-{name}")) == 1, "the operator says that it goes by the session"


def test_while_it_is_away_nobody_passes_unless_the_operator_says_so(web, shop):
    base, version = shop
    before = web.metrics().total("cardea_l7_service_auth_away_total")
    for path, more, detail in (("/echo/away/", (), "connect_failed"), ("/echo/mine/broken", session("broken", shop)[0], "backend_error"),
                               ("/echo/mine/slow", session("wait", shop, "slow")[0], "response_timeout")):
        status, headers, body = web.get(base + path, version, *more)
        assert status == 503 and "auth_away" in body and "stack" not in body
        assert web.logged(path=path, reason="auth_away", detail=detail)
    assert "x-auth-user" not in seen(web.curl(base + "/echo/lenient/", version, "-H", "X-Auth-User: root").stdout)
    assert web.metrics().total("cardea_l7_service_auth_away_total") == before + 4


def test_a_body_comes_behind_the_verdict(web, shop, tmp_path):
    base, version = shop
    body = tmp_path / "body"
    body.write_bytes(b"a long body" * 200_000)
    cookie, _ = session("user", shop, "body")
    answer = json.loads(web.curl(base + "/sink", version, *cookie, "-H", "Expect: 100-continue", "--data-binary", f"@{body}").stdout)
    assert answer["sha256"] == hashlib.sha256(body.read_bytes()).hexdigest()
    assert web.get(base + "/sink", version, *session("banned", shop)[0], "--data-binary", f"@{body}")[0] == 403


def test_a_client_that_leaves_ends_its_question(web, shop):
    base, version = shop
    cookie, name = session("wait", shop, "leave")
    path = f"/echo/mine/{name}"
    web.curl(base + path, version, *cookie, "--max-time", "1", check=False)
    # Who closes a connection of HTTP/1.1 may still read: he gets what becomes of the question.
    assert web.logged(path=path, reason="auth_away" if version == "--http1.1" else "client_closed")
    assert len(web.auth.asked(f"wait-{name}")) == 1
    web.auth.open(name)
    assert web.get(base + path, version, *cookie)[0] == 200


def test_explain_says_who_is_asked(web):
    story = web.cardea.explain_url("GET", BASE + "/echo/mine/")
    assert any("The pool auth is asked for /verify?site=lab" in line for line in story["story"])
    assert story["forward_auth"] == "auth"
