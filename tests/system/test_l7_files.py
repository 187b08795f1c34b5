"""Files that L7 sends itself: a folder as a site would deploy it, asked with curl by HTTP/1.1 and HTTP/2 over TLS, moved under load,
and every way that could lead out of it."""
import hashlib
import subprocess

import pytest

from lab.web import Web

PLAIN, SITE = "http://shop.example:8080", "https://shop.example:8443"
HTTP2 = ["--http2"]


def deploy(releases):
    for release in ("one", "two"):
        folder = releases / release
        (folder / "sub").mkdir(parents=True)
        (folder / ".git").mkdir()
        (folder / "index.html").write_text(f"<p>{release}")
        (folder / "sub/index.html").write_text("<p>sub")
        (folder / ".git/config").write_text("secret")
        (folder / "app.js").write_text("app();\n" * 100)
        (folder / "leak").symlink_to("/etc/passwd")
    (releases / "secret").write_text("secret")
    (releases / "one/big.bin").write_bytes(bytes(range(256)) * 40_000)
    subprocess.run(["gzip", "-9k", releases / "one/app.js"], check=True)
    (releases / "current").symlink_to("one")


def routes(root):
    def files(name, path, **settings):
        return {"name": name, "match": {"path": path}, "files": {"root": root, **settings}}
    return [files("site", "/", precompressed=True, max_age="1h"), files("moved", "/static/", prefix="/"),
            files("app", "/app/", fallback="/index.html")]


@pytest.fixture(scope="module")
def web():
    web = Web(origin=True)
    web.releases = web.site.run.path / "www"
    deploy(web.releases)
    for name in ("origin", "origin_tls"):
        web.service(name)["routes"] = routes(str(web.releases / "current"))
    with web:
        yield web


@pytest.mark.parametrize("words", [[], HTTP2], ids=["h1", "h2"])
def test_a_file_comes_whole_whatever_the_protocol(web, words):
    wanted = (web.releases / "one/big.bin").read_bytes()
    got = web.site.run.path / "got"
    told = web.curl(SITE + "/big.bin", *words, "-o", got, "-w", "%{http_version} %{http_code} %header{content-type}").stdout
    assert told == f"{'2' if words else '1.1'} 200 application/octet-stream"
    assert hashlib.sha256(got.read_bytes()).digest() == hashlib.sha256(wanted).digest()
    part = web.curl(SITE + "/big.bin", *words, "-r", "300-302", "-o", got, "-w", "%{http_code} %header{content-range}").stdout
    assert part == f"206 bytes 300-302/{len(wanted)}" and got.read_bytes() == wanted[300:303]


def test_a_site_is_served_as_browsers_ask_for_it(web):
    status, headers, body = web.get(PLAIN + "/")
    assert (status, body, headers["content-type"], headers["cache-control"]) == (200, "<p>one", "text/html", "max-age=3600")
    status, _, body = web.get(PLAIN + "/", "-H", f"If-None-Match: {headers['etag']}")
    assert (status, body) == (304, "")
    assert web.get(PLAIN + "/sub")[1]["location"] == PLAIN + "/sub/"
    assert web.curl(PLAIN + "/sub", "-L").stdout == "<p>sub"
    plain = web.get(PLAIN + "/app.js")
    packed = web.get(PLAIN + "/app.js", "--compressed")
    assert packed[1]["content-encoding"] == "gzip" and packed[2] == plain[2] and "content-encoding" not in plain[1]
    assert int(packed[1]["content-length"]) < int(plain[1]["content-length"])
    assert web.get(PLAIN + "/static/app.js")[2] == plain[2]
    assert web.get(PLAIN + "/app/orders/7")[::2] == (200, "<p>one")
    assert web.get(PLAIN + "/none")[0] == 404 and web.logged(path="/none")[-1]["reason"] == "file_missing"
    assert web.get(PLAIN + "/", "-X", "DELETE")[0] == 405


def test_no_request_leads_out_of_the_folder(web):
    for path in ("/../secret", "/..%2fsecret", "/%2e%2e/secret", "/sub/../../secret", "/sub/%2e%2e/%2e%2e/secret", "/.git/config",
                 "/%2egit/config", "/leak", "/..%5csecret", "/sub/..;/..;/secret", "//../secret", "/static/../../secret", "/static..%2fsecret",
                 "/static/%2e%2e/secret", "/current/../../secret", "/app.js%00.html"):
        for words in ([], HTTP2):
            url = (SITE if words else PLAIN) + path
            status, _, body = web.get(url, "--path-as-is", *words)
            assert status in (400, 404) and "secret" not in body and "root:" not in body, (path, words, status, body)


def test_a_deployment_that_moves_the_link_is_seen_at_once(web):
    assert web.curl(PLAIN + "/").stdout == "<p>one"
    (web.releases / "next").symlink_to("two")
    (web.releases / "next").rename(web.releases / "current")
    assert web.curl(PLAIN + "/").stdout == "<p>two"
    (web.releases / "next").symlink_to("one")
    (web.releases / "next").rename(web.releases / "current")


def test_explain_names_the_file(web):
    told = web.cardea.explain_url("GET", PLAIN + "/static/a%20b.css")
    assert (told["verdict"], told["file"]) == ("files", str(web.releases / "current/a b.css"))
    assert "with the file" in web.cardea.run("explain", "GET", PLAIN + "/static/a.css").stdout
    rows = {row["name"]: row for row in web.cardea.cli("show", "routes")["routes"] if row["service"] == "origin"}
    assert (rows["site"]["action"], rows["site"]["pool"]) == ("files", None)


def test_a_folder_that_is_not_there_is_refused_and_nothing_changes(web):
    files = web.service("origin")["routes"][0]["files"]
    files["root"], kept = "/nowhere/here", files["root"]
    web.cardea.write(web.document)
    refused = web.cardea.run("reload", check=False)
    assert refused.returncode != 0 and "cannot open the folder /nowhere/here" in refused.stdout + refused.stderr
    assert web.curl(PLAIN + "/").stdout == "<p>one"
    files["root"] = kept
    web.reload()
