"""Who may ask: addresses, rates over two shards, passwords, other sites' pages in a real browser's protocol; asked with curl over HTTP/1.1
and HTTP/2, with password files of hashes that openssl and libxcrypt made."""
import concurrent.futures
import hashlib
import itertools
import json
import subprocess

import pytest

from lab.geo_database import as_number, country, database
from lab.site import CLIENT_HOST, WAN
from lab.web import VERSIONS, Web

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
    document["rate_limits"] = [{"name": "few", "requests": 20, "period": "1h", "key": "${header:X-Key}"},
                               {"name": "much", "response_bytes": "500kB", "period": "1h", "key": "${header:X-Key}"},
                               {"name": "sent", "request_bytes": "500kB", "period": "1h", "key": "${header:X-Client} ${tls_ja4}"},
                               {"name": "new", "connections": 12, "period": "1h", "key": "${header:X-Key}"}]
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
        {"name": "much", "match": {"path": "/much/"}, "respond": {"body": "x" * 10_000}, "rate_limits": ["much"]},
        {"name": "sent", "match": {"path": "/sink/sent/"}, "pool": "origin", "rate_limits": ["sent"]},
        {"name": "new", "match": {"path": "/new/"}, "respond": {"body": "new"}, "rate_limits": ["new"]},
        {"name": "modern", "match": {"path": "/modern/"}, "respond": {"body": "modern"}, "access": {"deny_ja4": ["t12*"]}},
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


def at_once(web, url, version, words, times):
    with concurrent.futures.ThreadPoolExecutor(8) as many:
        return list(many.map(lambda _: web.get(url, version, *words)[0], range(times)))


def limit_of(web, name):
    return next(row for row in web.cardea.cli("show", "limits")["limits"] if row["name"] == name)


def test_bytes_are_exact_over_all_shards(web, shop):
    base, version = shop
    key = "bytes " + base + version
    sizes = at_once(web, base + "/much/", version, ("-H", "X-Key: " + key), 80)
    whole = sum(line["bytes_out"] for line in web.logged(path="/much/", status=200)[-sizes.count(200):])
    assert sizes.count(200) + sizes.count(429) == 80
    assert 500_000 <= whole < 500_000 + 8 * 11_000, "what is begun before goes on: at most as many as there are at once"
    status, headers, _ = web.get(base + "/much/", version, "-H", "X-Key: " + key)
    assert status == 429 and 0 < int(headers["retry-after"]) <= 3600 * 0.2
    assert web.logged(path="/much/", status=429)[-1]["reason"] == "bytes_limited"
    told = next(row for row in limit_of(web, "much")["offenders"] if row["key"].startswith("#"))
    assert told["refused"] >= 1, "a header called so may hold what lets its sender in: its value is not shown"


def test_what_is_sent_counts_and_no_terminal_obeys_a_key(web, shop, tmp_path):
    base, version = shop
    (tmp_path / "body").write_bytes(b"x" * 300_000)
    send = lambda: web.curl(base + "/sink/sent/", version, "-H", "X-Client: " + client, "--data-binary", f"@{tmp_path}/body",
                            "-o", "/dev/null", "-w", "%{http_code}").stdout
    client = "b\xf6se " + base[:5] + version
    assert [send() for _ in range(3)] == ["200", "200", "429"]
    text = web.cardea.run("show", "limits").stdout
    assert "b\\xc3\\xb6se http" in text and "\x1b" not in text and "500000 bytes of requests in 3600 s" in text


def test_new_connections_are_counted_over_all_shards(web, shop):
    base, version = shop
    key = ("-H", "X-Key: new " + base + version)
    statuses = at_once(web, base + "/new/", version, key, 30)
    assert (statuses.count(200), statuses.count(429)) == (12, 18)
    assert web.logged(path="/new/", status=429)[-1]["reason"] == "connections_limited"
    if version != "--http2-prior-knowledge":  # with which curl 7.88 cannot ask twice
        urls = [base + "/new/"] * 30
        asked = web.curl(urls[0], version, "-H", "X-Key: other " + base + version, *urls[1:], "-w", "%{http_code} ")
        assert asked.stdout.count("200") == 30, "one connection of many requests"


def ja4_of(hello):
    """Of a ClientHello, by the specification and in no hurry."""
    def vector(data, at, width):
        size = int.from_bytes(data[at:at + width], "big")
        return data[at + width:at + width + size], at + width + size
    def numbers(data):
        pairs = [data[i:i + 2].hex() for i in range(0, len(data), 2)]
        return [pair for pair in pairs if not (pair[1] == pair[3] == "a" and pair[0] == pair[2])]
    def digest(text):
        return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12
    version, at = hello[4:6].hex(), 4 + 2 + 32
    _, at = vector(hello, at, 1)
    suites, at = vector(hello, at, 2)
    _, at = vector(hello, at, 1)
    block, _ = vector(hello, at, 2)
    extensions, at = {}, 0
    while at < len(block):
        kind = block[at:at + 2].hex()
        extensions[kind], at = vector(block, at + 2, 2)
    if "002b" in extensions:
        version = max(numbers(extensions["002b"][1:]))
    alpn = extensions["0010"][3:3 + extensions["0010"][2]].decode() if "0010" in extensions else "00"
    suites, rest = numbers(suites), sorted(set(extensions) - {"0000", "0010"})
    algorithms = numbers(extensions["000d"][2:]) if "000d" in extensions else []
    return (f"t{ {'0304': '13', '0303': '12'}[version]}{'d' if '0000' in extensions else 'i'}{len(suites):02}{len(extensions):02}"
            f"{alpn[0]}{alpn[-1]}_{digest(','.join(sorted(suites)))}_"
            f"{digest(','.join(rest) + ('_' + ','.join(algorithms) if algorithms else ''))}")


@pytest.mark.parametrize("words", ["-servername shop.example", "-servername shop.example -alpn http/1.1,spdy/3 -tls1_2", "-noservername -tls1_3",
                                   "-servername a.example -cipher ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256 -curves P-384"])
def test_kinds_of_clients_are_told_apart(web, words):
    path = f"/ja4/{len(words)}"
    request = f"GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"
    told = web.site.client.run("openssl", "s_client", "-msg", "-ign_eof", "-connect", "shop.example:8443", *words.split(), stdin=request, timeout=20)
    lines = told.stdout.split("ClientHello\n", 1)[1].splitlines()
    hello = bytes.fromhex("".join(itertools.takewhile(lambda line: line.startswith("    "), lines)))
    assert web.logged(path=path)[-1]["tls_ja4"] == ja4_of(hello)


def test_a_kind_of_clients_may_be_denied(web):
    base, version = VERSIONS["tls"]
    assert web.get(base + "/modern/", version)[::2] == (200, "modern")
    assert web.get(base + "/modern/", version, "--tls-max", "1.2")[0] == 403
    line = web.logged(path="/modern/", status=403)[-1]
    assert (line["reason"], line["detail"], line["tls_ja4"][:3]) == ("denied", "ja4", "t12")
    assert web.get(VERSIONS["h1"][0] + "/modern/", "--http1.1")[0] == 200, "who speaks no TLS has none"


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
