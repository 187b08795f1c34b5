"""Tokens that openssl signed, brought by curl over HTTP/1.1, HTTP/2 and TLS: whose claims backends and the log see, and who is refused, by
two shards; keys that were given out; how many requests of a user may be under way at once."""
import base64
import concurrent.futures
import hashlib
import hmac
import json
import subprocess
import time

import pytest

from lab.wait import until
from lab.web import BASE, VERSIONS, Web

FOLDER = {}
KEYS = {"shop": "0123456789abcdef-shop", "bank": "fedcba9876543210-bank"}
SECRET = "a secret of more than thirty-two bytes"


def coded(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def openssl(*words, data=None):
    return subprocess.run(["openssl", *words], check=True, capture_output=True, input=data).stdout


def numbers(der):
    """The two numbers of an ECDSA signature, side by side, as tokens have them."""
    assert der[0] == 0x30 and der[2] == 2
    r = der[4:4 + der[3]]
    s = der[6 + der[3]:]
    return b"".join(part.lstrip(b"\0").rjust(32, b"\0") for part in (r, s))


def token(algorithm, claims=None, **header):
    whole = {"exp": int(time.time()) + 600, "iss": "https://id.example/", "aud": ["shop"], "sub": "ann", **(claims or {})}
    text = coded(json.dumps({"alg": algorithm, **header}).encode()) + "." + coded(json.dumps(whole).encode())
    if algorithm == "HS256":
        signature = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()
    elif algorithm == "none":
        signature = b""
    else:
        signature = openssl("dgst", "-sha256", "-sign", str(FOLDER["path"] / algorithm), data=text.encode())
    return text + "." + coded(numbers(signature) if algorithm == "ES256" else signature)


def write_keys(folder):
    for algorithm, words in (("RS256", ("RSA", "-pkeyopt", "rsa_keygen_bits:2048")), ("ES256", ("EC", "-pkeyopt", "ec_paramgen_curve:P-256"))):
        openssl("genpkey", "-algorithm", *words, "-out", str(folder / algorithm))
        openssl("pkey", "-in", str(folder / algorithm), "-pubout", "-out", str(folder / f"{algorithm}.pem"))
        (folder / f"{algorithm}.pem").chmod(0o644)
    (folder / "secret").write_text(SECRET + "\n")
    (folder / "keys").write_text(f"shop:{KEYS['shop']}\nbank:sha256:{hashlib.sha256(KEYS['bank'].encode()).hexdigest()}\n")
    for name in ("secret", "keys"):
        (folder / name).chmod(0o600)


def guarded(document):
    folder = FOLDER["path"]
    jwt = {"public_keys": [f"{folder}/RS256.pem", f"{folder}/ES256.pem"], "secret": f"{folder}/secret", "issuers": ["https://id.example/"],
           "audiences": ["shop"], "realm": "shop"}
    document["rate_limits"] = [{"name": "each", "requests": 20, "period": "1h", "key": "${jwt:sub}", "headers": True},
                               {"name": "together", "requests": 0, "concurrent": 3, "key": "${api_key}"}]
    keys = {"file": f"{folder}/keys", "query": "key"}
    routes = [
        {"name": "mine", "match": {"path": "/echo/mine/"}, "pool": "origin", "jwt": jwt, "request_headers": {"set": ["X-User: ${jwt:sub}"]}},
        {"name": "few", "match": {"path": "/few/"}, "respond": {"body": "few"}, "jwt": jwt, "rate_limits": ["each"]},
        {"name": "partners", "match": {"path": "/echo/partners/"}, "pool": "origin", "api_keys": keys,
         "request_headers": {"set": ["X-Client: ${api_key}"]}},
        {"name": "wait", "match": {"path": "/wait/"}, "pool": "origin", "api_keys": keys, "rate_limits": ["together"]},
        {"name": "events", "match": {"path": "/events/"}, "pool": "origin", "api_keys": keys, "rate_limits": ["together"]},
        {"name": "orders", "match": {"path": "/orders/"}, "respond": {"body": "orders"}, "jwt": {**jwt, "claims": ["scope=orders"]}}]
    for service in document["services"]:
        if service["name"].startswith("origin"):
            service["routes"] = [dict(route) for route in routes] + service["routes"]


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    FOLDER["path"] = tmp_path_factory.mktemp("jwt")
    for parent in (FOLDER["path"], *FOLDER["path"].parents[:2]):
        parent.chmod(0o755)
    write_keys(FOLDER["path"])
    with Web(origin=True, change=guarded) as running:
        yield running


@pytest.fixture(params=VERSIONS)
def shop(request):
    return VERSIONS[request.param]


def bearer(text):
    return "-H", f"Authorization: Bearer {text}"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "HS256"])
def test_who_brings_a_good_token_passes_and_its_backend_knows_who(web, shop, algorithm):
    base, version = shop
    url = base + "/echo/mine/"
    mine = bearer(token(algorithm, {"sub": f"ann-{algorithm}"}))
    for _ in range(4):  # verified, then remembered; by either shard
        answer = web.curl(url, version, *mine, "-H", "X-User: root", "-H", "X_User: root").stdout
        seen = {name.lower(): value for name, value in json.loads(answer)["headers"]}
        assert seen["x-user"] == f"ann-{algorithm}" and "authorization" not in seen and "x_user" not in seen
    assert web.logged(path="/echo/mine/", user=f"ann-{algorithm}")[-1]["reason"] == "ok"


def test_who_does_not_is_told_so(web, shop):
    base, version = shop
    url = base + "/echo/mine/"
    status, headers, _ = web.get(url, version)
    assert (status, headers["www-authenticate"]) == (401, 'Bearer realm="shop"')
    good = token("RS256")
    secret_is_public = FOLDER["path"] / "RS256.pem"
    text = coded(b'{"alg":"HS256"}') + "." + good.split(".")[1]
    confused = text + "." + coded(hmac.new(secret_is_public.read_bytes(), text.encode(), hashlib.sha256).digest())
    for bad, why in ((token("none"), "algorithm"), (confused, "signature"), (good[:-4] + "AAAA", None), (good + "=", "malformed"),
                     (token("RS256", {"exp": int(time.time()) - 60}), "expired"), (token("RS256", {"aud": "bank"}), "audience"),
                     (token("ES256", {"iss": "https://evil.example/"}), "issuer"), (token("ES256", {"nbf": int(time.time()) + 600}), "not_yet"),
                     (token("RS256", crit=["exp"]), "critical"), (token("RS256", alg="RS384"), "signature")):
        status, headers, _ = web.get(url, version, *bearer(bad))
        assert status == 401 and "invalid_token" in headers["www-authenticate"], bad
        if why:
            assert web.logged(path="/echo/mine/", detail=why)
    status, headers, _ = web.get(base + "/orders/", version, *bearer(good))
    assert status == 403 and 'error="insufficient_scope"' in headers["www-authenticate"]
    assert web.get(base + "/orders/", version, *bearer(token("ES256", {"scope": "read orders"})))[::2] == (200, "orders")


def test_each_user_has_a_limit_of_his_own(web, shop):
    base, version = shop
    who = base + version
    ann, bob = bearer(token("HS256", {"sub": "ann" + who})), bearer(token("ES256", {"sub": "bob" + who}))
    status, headers, _ = web.get(base + "/few/", version, *ann)
    assert (status, headers["ratelimit-policy"], headers["ratelimit"].split(";")[:2]) == (200, '"each";q=20;w=3600', ['"each"', "r=19"])
    statuses = [status, *(web.get(base + "/few/", version, *ann)[0] for _ in range(21))]
    assert (statuses.count(200), statuses.count(429)) == (20, 2)
    assert web.get(base + "/few/", version, *bob)[0] == 200


def test_keys_that_were_given_out(web, shop):
    base, version = shop
    url = base + "/echo/partners/"
    status, headers, _ = web.get(url, version)
    assert status == 401 and headers["www-authenticate"].startswith('ApiKey realm="origin')
    assert web.get(url, version, "-H", f"X-API-Key: {KEYS['shop']}x")[0] == 401
    for name, key in KEYS.items():
        for words in ((url, "-H", f"X-Api-Key: {key}"), (url + f"?key={key}",)):
            seen = {name.lower(): value for name, value in json.loads(web.curl(*words, version).stdout)["headers"]}
            assert seen["x-client"] == name and "x-api-key" not in seen
    assert web.logged(path="/echo/partners/", user="bank")[-1]["reason"] == "ok"


def test_so_many_of_a_key_at_once(web, shop, tmp_path):
    base, version = shop
    mine, other = (("-H", f"X-Api-Key: {KEYS[name]}") for name in ("shop", "bank"))
    with concurrent.futures.ThreadPoolExecutor(3) as many:
        for number in range(3):  # streams without an end, over both shards
            many.submit(web.curl, base + "/events/", version, *mine, "-N", "--max-time", "6", "-o", tmp_path / str(number), check=False)
        files = [tmp_path / str(number) for number in range(3)]
        until(lambda: all(file.exists() and file.stat().st_size for file in files), 5, "all three are under way")
        status, headers, _ = web.get(base + "/wait/0", version, *mine)
        assert (status, headers["retry-after"]) == (429, "1")
        assert web.logged(path="/wait/0", user="shop", reason="too_many_at_once")
        assert web.get(base + "/wait/0", version, *other)[0] == 200
    until(lambda: web.get(base + "/wait/0", version, *mine)[0] == 200, 10, "who went away left his place")


def test_explain_says_what_is_asked_for(web):
    story = web.cardea.explain_url("GET", BASE + "/echo/mine/")
    assert any("A token is asked for in Authorization" in line for line in story["story"])
