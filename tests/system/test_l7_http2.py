"""HTTP/2 by real clients: curl, nghttp, h2load, a headless Chromium; over TLS by ALPN, and by prior knowledge on a plain port."""
import json
import os
import re

import pytest

from lab.chromium import Chromium
from lab.process import Process
from lab.web import SHOP, Web

WAYS = {"tls": ("https://shop.example:8443", "--http2"), "plain": ("http://shop.example:8080", "--http2-prior-knowledge")}


@pytest.fixture(scope="module")
def web():
    with Web(origin=True) as running:
        yield running


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


def run(web, *words, timeout=60):
    done = web.site.client.run(*words, check=False, timeout=timeout)
    return done.stdout + done.stderr


def test_alpn_agrees_on_it_and_http1_goes_on(web):
    for words, version in ((["--http2"], "2"), (["--http1.1"], "1.1")):
        out = web.curl("https://shop.example/pages/x", *words, "-o", "/dev/null", "-w", "%{http_version} %{http_code}").stdout
        assert out == f"{version} 200"
    assert web.logged(path="/pages/x", proto="HTTP/2.0", tls="TLSv1.3", status=200)


def test_backends_are_told_as_by_http1(web, way):
    base, flag = way
    answer = json.loads(web.curl(f"{base}/echo?a=b", flag, "-H", "Cookie: a=1; b=2", "-H", "X-Forwarded-Proto: gopher").stdout)
    headers = {name: value for name, value in answer["headers"]}
    assert headers["x-forwarded-proto"] == ("https" if base.startswith("https") else "http")
    assert headers["host"].startswith("shop.example") and headers["cookie"] == "a=1; b=2"
    assert headers["via"].startswith("2.0 ")


def test_bodies_go_up_of_any_kind_and_size(web, way):
    base, flag = way
    file = web.site.run.path / "body"
    for size in (0, 1, 65_535, 65_536, 3_000_000):
        file.write_text(os.urandom(size // 2 + 1).hex()[:size])
        for words in (["--data-binary", f"@{file}"], ["-T", str(file)], ["-T", "-"]):
            command = " ".join(["curl -sS --max-time 25 --cacert", str(web.authority.certificate), flag, *words, f"{base}/sink", "<", str(file)])
            answer = json.loads(web.site.client.run("bash", "-c", command).stdout)
            assert answer["length"] == size, (size, words)


def test_a_client_that_sends_on_reads_the_answer(web):
    """nginx refuses what is too large before it came."""
    file = web.site.run.path / "large"
    file.write_bytes(bytes(5_000_000))
    out = web.curl("https://shop.example/pages/x", "--http2", "-T", str(file), "-o", "/dev/null", "-w", "%{http_code}").stdout
    assert out == "413"


def test_many_calls_of_one_connection(web):
    text = run(web, "nghttp", "-n", "--no-verify-peer", "--stat", *[f"https://shop.example/pages/{i}" for i in range(60)])
    assert len(re.findall(r"\s200\s", text)) == 60, text
    lines = [line for line in web.logged(count=60, proto="HTTP/2.0", status=200) if re.fullmatch(r"/pages/\d+", line["path"])]
    assert len({line["client"] for line in lines[-60:]}) == 1


@pytest.mark.parametrize("url", ["https://shop.example/pages/load", "http://shop.example/pages/load", "https://shop.example/images/load"])
def test_nothing_is_lost_under_load(web, url):
    text = run(web, "h2load", "-n", "6000", "-c", "8", "-m", "30", url)
    assert "6000 succeeded, 0 failed, 0 errored, 0 timeout" in text, text


def test_a_browser_shows_the_page(web):
    page = Chromium(web.site, web.authority).page("https://shop.example/page.html")
    assert re.search(r"<title>b[123]</title>", page), page
    assert web.logged(host="shop.example", path="/page.html", proto="HTTP/2.0", status=200)


def test_a_reload_cuts_no_call(web):
    """Calls go on while the plan changes under them, and connections stay."""
    load = Process(web.site.run, "h2load", web.site.client.command("h2load", "-n", "20000", "-c", "4", "-m", "10",
                                                                    "https://shop.example/pages/reload")).start()
    for weight in (3, 4, 5, 6, 7):
        web.document["pools"][0]["backends"][0]["weight"] = weight
        web.cardea.write(web.document)
        web.cardea.reload()
    load.wait(60)
    assert "20000 succeeded, 0 failed, 0 errored, 0 timeout" in load.tail(), load.tail()


def test_it_can_be_turned_off(web):
    web.document["services"][0]["http2"] = False
    web.cardea.write(web.document)
    web.cardea.reload()
    try:
        out = web.curl("https://shop.example/pages/x", "--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code}").stdout
        assert out == "1.1 200"
    finally:
        web.document["services"][0]["http2"] = True
        web.cardea.write(web.document)
        web.cardea.reload()


def test_a_flood_is_ended_counted_and_shown(web):
    code = """
import socket, sys
s = socket.create_connection((sys.argv[1], 80)); s.settimeout(10)
s.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
ping = bytes([0, 0, 8, 6, 0, 0, 0, 0, 0]) + b"12345678"
got = b""
try:
    for _ in range(100): s.sendall(ping * 50)
    while True:
        piece = s.recv(65536)
        if not piece: break
        got += piece
except OSError: pass
print("calm" if bytes([0, 0, 0, 11]) in got or not got else "no")
"""
    before = web.metrics().total("cardea_l7_service_http2_floods_total", service="plain")
    run(web, "/usr/bin/python3", "-c", code, SHOP[4])
    assert web.logged(reason="http2_flood", detail="pings", service="plain")
    assert web.metrics().total("cardea_l7_service_http2_floods_total", service="plain") == before + 1
    assert web.get("http://shop.example/pages/after")[0] == 200
