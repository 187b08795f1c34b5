"""Answers compressed on their way: curl decodes by itself what it asked for, over HTTP/1.1 and HTTP/2, from backends, files,
the plan and the cache."""
import gzip

import pytest

from lab.web import VERSIONS, Web

CODINGS = ("br", "zstd", "gzip")
PAGE = "".join(f'<li class="item">{n * 7919}</li>\n' for n in range(4000))


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "page.html").write_text(PAGE)
    (folder / "small.html").write_text("small")
    (folder / "image.png").write_bytes(bytes(range(256)) * 40)
    folder.parent.chmod(0o755), folder.chmod(0o755)

    def changed(document):
        for service in document["services"]:
            if service["name"].startswith("origin"):
                service["compress"] = {"encodings": list(CODINGS)}
                own = {"name": "own", "match": {"path": "/own/"},
                       "respond": {"body": PAGE[:8000], "content_type": "text/html"}}
                files = {"name": "files", "match": {"path": "/files/"}, "files": {"root": str(folder), "prefix": "/"}}
                off = {"name": "off", "match": {"path": "/off/"}, "compress": {"enabled": False},
                       "files": {"root": str(folder), "prefix": "/"}}
                service["routes"] = [own, files, off, *service["routes"]]

    with Web(origin=True, change=changed) as running:
        yield running


@pytest.fixture(params=VERSIONS)
def shop(request):
    return VERSIONS[request.param]


def get(web, shop, path, coding=None, *options):
    base, version = shop
    accept = ("-H", f"Accept-Encoding: {coding}", "--compressed") if coding else ()
    return web.get(base + path, version, *accept, *options)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("path, whole", [("/files/page.html", PAGE), ("/own/", PAGE[:8000])])
def test_what_curl_decodes_is_what_was_meant(web, shop, path, whole, coding):
    status, headers, body = get(web, shop, path, coding)
    assert (status, body, headers["content-encoding"], headers["vary"]) == (200, whole, coding, "Accept-Encoding")
    assert "content-length" not in headers and headers.get("etag", "W/").startswith("W/")


def test_only_what_is_worth_it_and_only_for_who_takes_it(web, shop):
    status, headers, body = get(web, shop, "/files/page.html")
    assert (status, body, headers["vary"]) == (200, PAGE, "Accept-Encoding") and "content-encoding" not in headers
    for path in ("/files/small.html", "/files/image.png", "/off/page.html"):
        assert "content-encoding" not in get(web, shop, path, "gzip", "-D", "-", "-o", "/dev/null")[1], path
    assert "content-encoding" not in get(web, shop, "/files/page.html", "gzip;q=0")[1]


def test_a_client_that_has_it_is_told_so_and_a_part_is_a_part_of_what_it_was(web, shop):
    _, headers, _ = get(web, shop, "/files/page.html", "br")
    status, again, _ = get(web, shop, "/files/page.html", "br", "-H", f"If-None-Match: {headers['etag']}")
    assert (status, again["etag"], again["vary"]) == (304, headers["etag"], "Accept-Encoding")
    status, part, body = get(web, shop, "/files/page.html", "br", "-H", "Range: bytes=0-99")
    assert (status, body) == (206, PAGE[:100]) and "content-encoding" not in part


def test_another_decoder_reads_it_too(web, shop):
    base, version = shop
    coded = web.site.run.path / "coded.gz"
    got = web.curl(base + "/files/page.html", version, "-H", "Accept-Encoding: gzip", "-o", coded, "-w", "%{http_code}")
    assert got.stdout.strip().endswith("200")
    with gzip.open(coded) as read:
        assert read.read().decode() == PAGE


@pytest.mark.parametrize("coding", CODINGS)
def test_a_backends_answer_is_cached_once_for_every_client(web, shop, coding):
    path = f"/cache/compressed{shop[1]}?type=text/html&size=20000"
    _, _, plain = get(web, shop, path)
    status, headers, body = get(web, shop, path, coding)
    assert (status, body, headers["content-encoding"]) == (200, plain, coding) and "hit" in headers["cache-status"]


@pytest.mark.parametrize("coding", CODINGS)
def test_events_come_while_the_stream_goes_on(web, shop, coding):
    base, version = shop
    heard = web.curl(base + "/events", version, "-N", "-D", "-", "-H", f"Accept-Encoding: {coding}", "--compressed", "--max-time", "3",
                     check=False)
    assert heard.returncode == 28, "the stream does not end"
    assert f"content-encoding: {coding}" in heard.stdout.lower() and "data: 0\n\ndata: 1\n\n" in heard.stdout


def test_it_is_counted_and_logged(web):
    base, version = VERSIONS["h1"]
    get(web, (base, version), "/files/page.html?counted", "br")
    assert web.logged(path="/files/page.html", query="counted", compression="br")
    get(web, (base, version), "/files/small.html?counted", "br")
    assert web.logged(path="/files/small.html", query="counted", compression="small")
    page = web.cardea.metrics_page()
    figures = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if not line.startswith("#")}
    taken, made = (sum(value for key, value in figures.items() if key.startswith("cardea_l7_compressed_bytes_total")
                       and 'encoding="br"' in key and f'direction="{way}"' in key) for way in ("in", "out"))
    assert taken >= len(PAGE) and 0 < made < taken / 2


def test_explain_says_what_becomes_of_it(web):
    told = web.cardea.explain_url("GET", VERSIONS["h1"][0] + "/files/page.html", "-H", "Accept-Encoding: zstd, gzip")
    assert told["compression"] == "zstd" and any("compressed to zstd at level 3" in sentence for sentence in told["story"])
