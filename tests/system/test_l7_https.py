"""HTTPS by curl and by a headless Chromium, on the examples as they are written: through the dataplane (quickstart.cfg) and on
kernel sockets alone (l7-only.cfg). Two hosts with two certificates, three path routes, a cached object that outlives its
backend."""
import re

import pytest

from lab.authority import serial
from lab.chromium import Chromium
from lab.example import HOSTS, Example

EXAMPLES = {"through_the_dataplane": ("quickstart.cfg", "203.0.113.81", False), "l7_only": ("l7-only.cfg", "192.0.2.1", True)}


@pytest.fixture(scope="module", params=EXAMPLES)
def web(request):
    with Example(*EXAMPLES[request.param]) as running:
        yield running


def handshake(web, *words):
    """What openssl says of a handshake with the service."""
    return web.site.client.run("bash", "-c", f"openssl s_client -connect {web.address}:443 -CAfile {web.authority.certificate} "
                               f"{' '.join(words)} </dev/null 2>&1", check=False).stdout


def serial_shown(web, host):
    found = web.site.client.run("bash", "-c", f"openssl s_client -connect {web.address}:443 -servername {host} </dev/null "
                                "2>/dev/null | openssl x509 -noout -serial").stdout
    return found.strip().removeprefix("serial=")


def test_each_host_has_its_certificate(web):
    files = {host: serial(web.authority.folder / f"{host}.crt") for host in HOSTS}
    assert {host: serial_shown(web, host) for host in HOSTS} == files and len(set(files.values())) == 2
    for host in HOSTS:
        assert web.get(f"https://{host}/pages/x")[0] == 200  # curl verified name and chain
    assert serial_shown(web, "nobody.example") == files[HOSTS[0]], "a name nobody has is answered with the first certificate"


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_versions_and_the_protocol_are_agreed(web, version):
    told = handshake(web, f"-{version}", "-servername shop.example", "-alpn h2,http/1.1")
    assert "Verify return code: 0" in told and f"TLSv1.{version[-1]}" in told
    assert "ALPN protocol: h2" in told, told


def test_old_versions_are_refused(web):
    assert "Cipher is (NONE)" in handshake(web, "-tls1_1", "-cipher DEFAULT@SECLEVEL=0", "-servername shop.example")


def test_a_session_is_resumed(web):
    file = web.site.run.path / "session"
    ask = "printf 'GET / HTTP/1.1\\r\\nHost: shop.example\\r\\nConnection: close\\r\\n\\r\\n'; sleep 0.5"
    connect = f"openssl s_client -connect {web.address}:443 -servername shop.example -ign_eof"
    first = web.site.client.run("bash", "-c", f"({ask}) | {connect} -sess_out {file} 2>&1").stdout
    again = web.site.client.run("bash", "-c", f"({ask}) | {connect} -sess_in {file} 2>&1").stdout
    assert "New, TLSv1.3" in first and "Reused, TLSv1.3" in again


def test_paths_and_hosts_choose_the_pool(web):
    for _ in range(4):
        assert re.match(r"b[12] api /api/x\?q=1 ", web.get("https://shop.example/api/x?q=1")[2])
        assert re.match(r"b3 image /images/y ", web.get("https://shop.example/images/y")[2])
        assert re.match(r"b[123] page /pages/z ", web.get("https://shop.example/pages/z")[2])
        # The same paths of another host are another route: pages come from all three, and nothing of it is cached.
        assert re.match(r"b[123] api /api/x ", web.get("https://blog.example/api/x")[2])
    answers = {web.get("https://blog.example/images/y")[2] for _ in range(3)}
    assert len(answers) == 3


def test_a_host_nobody_serves_is_told_so(web):
    status, _, _ = web.get(f"https://nobody.example/", "--resolve", f"nobody.example:443:{web.address}", "--insecure")
    assert status in (404, 421)


def test_a_cached_object_is_served_while_its_backend_is_stopped(web):
    url = "https://shop.example/images/kept"
    first = web.get(url)
    assert first[0] == 200 and "age" not in first[1]
    web.nginx["b3"].kill()
    try:
        status, headers, body = web.get(url)
        assert (status, body) == (200, first[2]) and int(headers["age"]) >= 0
        assert web.curl(url, "--head").stdout.startswith("HTTP/1.1 200")
        assert web.get("https://shop.example/images/another")[0] in (502, 503)
        assert web.logged(route="images", cache="hit", path="/images/kept", status=200)
    finally:
        web.nginx["b3"].start()
        web.cardea.until_backends("up")
    assert web.get("https://shop.example/images/another")[0] == 200


def test_a_browser_shows_the_pages_of_both_hosts(web):
    browser = Chromium(web.site, web.authority)
    for host in HOSTS:
        page = browser.page(f"https://{host}/page.html")
        assert re.search(r"<title>b[123]</title>", page), page
        assert re.search(r'<p id="api">b[123] api /api/of-the-page ', page), page
    # Picture and script's request came over its own connections, routed by path.
    assert web.logged(host="shop.example", path="/images/of-the-page", route="images", status=200)
    assert web.logged(host="shop.example", path="/api/of-the-page", route="api", status=200)
    assert web.logged(host="blog.example", path="/images/of-the-page", route="blog", status=200)
