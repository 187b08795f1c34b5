"""Who may ask: addresses, rates over two shards, passwords, other sites' pages in a real browser's protocol; asked with curl over HTTP/1.1
and HTTP/2, with password files of hashes that openssl and libxcrypt made."""
import concurrent.futures
import json
import subprocess

import pytest

from lab.geo_database import as_number, country, database
from lab.site import CLIENT_HOST, WAN
from lab.web import Web

BASE = "http://shop.example:8080"
VERSIONS = {"h1": (BASE, "--http1.1"), "h2c": (BASE, "--http2-prior-knowledge"), "tls": ("https://shop.example:8443", "--http2")}
CLIENT = WAN.address(CLIENT_HOST, 4)
FOLDER = {}


def crypted(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def write_files(folder):
    (folder / "users").write_text("# staff\nann:" + crypted("openssl", "passwd", "-6", "secret") + "\n"
                                  "bob:" + crypted("perl", "-e", "print crypt('secret2', '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$')") + "\n")
    (folder / "networks").write_text(f"# the lab\n{CLIENT}\n" + "".join(f"10.{i // 256}.{i % 256}.0/24\n" for i in range(20_000)))
    (folder / "sorry.html").write_text("<h1>${status}</h1><p>${reason}</p>")
    (folder / "countries.mmdb").write_bytes(database({"0.0.0.0/1": country("FR"), "128.0.0.0/1": country("DE")}))
    (folder / "systems.mmdb").write_bytes(database({f"{CLIENT}/32": as_number(64500)}))
    for name in ("users", "networks", "sorry.html", "countries.mmdb", "systems.mmdb"):
        (folder / name).chmod(0o644)


def guarded(document):
    folder = FOLDER["path"]
    document["rate_limits"] = [{"name": "few", "requests": 20, "period": "1h", "key": "${header:X-Key}"}]
    document["l7"]["geo"] = {"countries": f"{folder}/countries.mmdb", "as_numbers": f"{folder}/systems.mmdb"}
    routes = [
        {"name": "here", "match": {"path": "/here/"}, "respond": {"body": "here"}, "access": {"allow_countries": ["DE"]}},
        {"name": "there", "match": {"path": "/there/"}, "respond": {"body": "there"}, "access": {"deny_as_numbers": [64500]}},
        {"name": "country", "match": {"path": "/echo/country/"}, "pool": "origin",
         "request_headers": {"set": ["X-Country: ${client_country}", "X-AS: ${client_as_number}"]}},
        {"name": "near", "match": {"path": "/near/"}, "respond": {"body": "near"}, "access": {"allow_files": [f"{folder}/networks"]}},
        {"name": "far", "match": {"path": "/far/"}, "respond": {"body": "far"}, "access": {"deny_files": [f"{folder}/networks"]},
         "error_pages": [{"status": [403], "file": f"{folder}/sorry.html"}]},
        {"name": "few", "match": {"path": "/few/"}, "respond": {"body": "few"}, "rate_limits": ["few"]},
        {"name": "staff", "match": {"path": "/echo/staff/"}, "pool": "origin", "basic_auth": {"users": f"{folder}/users", "realm": "staff"},
         "request_headers": {"set": ["X-User: ${user}"]}},
        {"name": "pages", "match": {"path": "/echo/pages/"}, "pool": "origin",
         "cors": {"origins": ["https://*.example"], "methods": ["PUT"], "headers": ["X-A"], "credentials": True}}]
    for service in document["services"]:
        if service["name"].startswith("origin"):
            service["routes"] = [dict(route) for route in routes] + service["routes"]


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    FOLDER["path"] = tmp_path_factory.mktemp("guard")
    for parent in (FOLDER["path"], *FOLDER["path"].parents[:2]):
        parent.chmod(0o755)
    write_files(FOLDER["path"])
    with Web(origin=True, change=guarded) as running:
        yield running


@pytest.fixture(params=VERSIONS)
def shop(request):
    return VERSIONS[request.param]


def test_addresses_of_a_file_of_thousands(web, shop):
    base, version = shop
    assert web.get(base + "/near/", version)[::2] == (200, "near")
    status, headers, body = web.get(base + "/far/", version)
    assert (status, headers["content-type"], body) == (403, "text/html; charset=utf-8", "<h1>403</h1><p>denied</p>")
    assert web.logged(path="/far/")[-1]["reason"] == "denied"
    story = web.cardea.explain_url("GET", base + "/far/", "--client", CLIENT + ":5000")
    assert story["access"] == "denied"


def test_where_a_client_is(web, shop):
    base, version = shop
    assert web.get(base + "/here/", version)[::2] == (200, "here")
    assert web.get(base + "/there/", version)[0] == 403
    sent = json.loads(web.get(base + "/echo/country/", version, "-H", "X-Country: ZZ")[2])
    assert [value for name, value in sent["headers"] if name.lower() in ("x-country", "x-as")] == ["DE", "64500"]
    line = web.logged(path="/there/")[-1]
    assert (line["country"], line["as_number"], line["reason"]) == ("DE", 64500, "denied")
    story = web.cardea.explain_url("GET", base + "/here/", "--client", "10.1.2.3:5000")
    assert story["access"] == "denied" and "By l7.geo its address is in FR." in story["story"]


def test_a_database_is_taken_up_anew_by_a_reload_and_a_bad_one_changes_nothing(web):
    base, version = VERSIONS["h1"]
    file = FOLDER["path"] / "countries.mmdb"
    good = file.read_bytes()
    file.write_bytes(good[:100])
    refused = web.cardea.reload(check=False)
    assert refused.returncode == 1
    assert "countries.mmdb: is no database in MaxMind's format" in refused.stdout + refused.stderr
    assert web.get(base + "/here/", version)[0] == 200
    file.write_bytes(database({"0.0.0.0/1": country("DE"), "128.0.0.0/1": country("FR")}))
    web.cardea.reload()
    assert web.get(base + "/here/", version)[0] == 403
    file.write_bytes(good)
    web.cardea.reload()
    assert web.get(base + "/here/", version)[0] == 200


def test_a_rate_is_exact_over_all_shards(web, shop):
    base, version = shop
    key = "X-Key: " + base + version
    with concurrent.futures.ThreadPoolExecutor(8) as many:
        statuses = list(many.map(lambda _: web.get(base + "/few/", version, "-H", key)[0], range(60)))
    assert (statuses.count(200), statuses.count(429)) == (20, 40)
    status, headers, _ = web.get(base + "/few/", version, "-H", key)
    assert status == 429 and 0 < int(headers["retry-after"]) <= 180
    assert web.get(base + "/few/", version, "-H", key + "another")[0] == 200


def test_passwords_as_the_tools_write_them(web, shop):
    base, version = shop
    url = base + "/echo/staff/"
    status, headers, _ = web.get(url, version)
    assert (status, headers["www-authenticate"]) == (401, 'Basic realm="staff", charset="UTF-8"')
    for who, secret in (("ann", "secret"), ("bob", "secret2")):
        seen = {name.lower(): value for name, value in json.loads(web.curl(url, version, "-u", f"{who}:{secret}").stdout)["headers"]}
        assert seen["x-user"] == who and "authorization" not in seen
        assert web.get(url, version, "-u", f"{who}:wrong")[0] == 401
        assert web.logged(path="/echo/staff/", user=who)[-1]["reason"] == "ok"


def test_other_sites_pages(web, shop):
    base, version = shop
    url = base + "/echo/pages/"
    wish = ("-X", "OPTIONS", "-H", "Origin: https://app.example", "-H", "Access-Control-Request-Method: PUT")
    status, headers, body = web.get(url, version, *wish)
    assert (status, body, headers["access-control-allow-origin"], headers["access-control-allow-methods"]) == (
        204, "", "https://app.example", "GET, HEAD, POST, PUT")
    status, headers, _ = web.get(url, version, "-H", "Origin: https://app.example")
    assert (status, headers["access-control-allow-origin"], headers["access-control-allow-credentials"]) == (200, "https://app.example", "true")
    status, headers, _ = web.get(url, version, "-H", "Origin: https://app.example.evil")
    assert status == 200 and "access-control-allow-origin" not in headers and "Origin" in headers["vary"]


@pytest.mark.parametrize("name,content,said", [("users", "ann:plain\n", "the hash of"), ("networks", "10.0.0.0/33\n", "line 1"),
                                               ("sorry.html", None, "No such file or directory")])
def test_check_and_reload_say_the_same_of_a_file_gone_bad(web, name, content, said):
    file = FOLDER["path"] / name
    good = file.read_bytes()
    file.write_text(content) if content else file.unlink()
    checked, reloaded = web.cardea.run("check", web.cardea.file, check=False), web.cardea.reload(check=False)
    file.write_bytes(good)
    file.chmod(0o644)
    for done in (checked, reloaded):
        assert done.returncode == 1 and str(file) in done.stdout + done.stderr and said in done.stdout + done.stderr, done
    assert web.cardea.run("check", web.cardea.file, check=False).returncode == 0
    assert web.cardea.reload(check=False).returncode == 0
