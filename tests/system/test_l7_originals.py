"""Configurations that sites have today, as tutorials write them for nginx and HAProxy, and ours that say the same
(conf/examples/from-….cfg): both run on the same host before the same servers, and clients and servers see the same."""
import contextlib
import gzip
import json
import pathlib
import random
import shutil

import pytest

from lab.client import Client
from lab.cardea import Cardea
from lab.example import issue_certificates, text
from lab.origin import PORT, Origin
from lab.process import Process
from lab.site import LB_HOST, SERVICES, WAN, Site, endpoint
from lab.wait import until

ORIGINALS = pathlib.Path(__file__).parent / "originals"
OURS, THEIRS = WAN.address(LB_HOST, 4), SERVICES.address(20, 4)
SECURITY = ("strict-transport-security", "x-frame-options", "x-content-type-options")
COMMANDS = {"nginx.conf": ("nginx", "-p", "{folder}", "-c", "{file}"), "haproxy.cfg": ("haproxy", "-db", "-f", "{file}")}


class SideBySide(Client):
    """Use as a context manager. `asked()` asks both the same and returns both answers."""

    def __init__(self, example, original):
        self.example, self.original = example, original
        self.site = Site(backends=3, kernel=True)
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with self._stack:
            site = self._stack.enter_context(self.site)
            site.lb.sysctl({"net.ipv4.ip_unprivileged_port_start": 80})
            self.authority = issue_certificates(site.run)
            self.write_files()
            for backend in site.backends[:2]:
                Origin(site, backend).start()
            self.start_original()
            self.cardea = Cardea(site, text(self.example, site.run))
            self._stack.callback(self.cardea.stop)
            self.cardea.start()
            self.cardea.until_backends("up")
            until(lambda: self.get_from(THEIRS, "https://shop.example/echo/")[0] == 200, 20, "the original answers")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *what):
        return self._stack.__exit__(*what)

    def write_files(self):
        static = self.site.run.path / "www/static"
        static.mkdir(parents=True)
        (static / "app.css").write_text("\n".join(f".c{number} {{ color: #{number:06x} }}" for number in range(400)))
        (static / "dot.png").write_bytes(random.Random(1).randbytes(3000))
        tls = self.site.run.path / "tls"
        (tls / "shop.example.pem").write_text((tls / "shop.example.crt").read_text() + (tls / "shop.example.key").read_text())

    def start_original(self):
        run = self.site.run
        folder = run.path / "original"
        folder.mkdir()
        file = folder / self.original
        addresses = [endpoint(backend.address(4), PORT) for backend in self.site.backends[:2]]
        file.write_text((ORIGINALS / self.original).read_text().format(
            folder=folder, address=THEIRS, first=addresses[0], second=addresses[1], certificate=run.path / "tls/shop.example",
            static=run.path / "www/static"))
        words = [word.format(folder=folder, file=file) for word in COMMANDS[self.original]]
        Process(run, "original", self.site.lb.command(*words), self.site.kept).start()

    def get_from(self, address, url, *words):
        ports = [word for port in (80, 443) for word in ("--resolve", f"shop.example:{port}:{address}")]
        out = self.site.run.path / "body"
        done = self.site.client.run("curl", "-sS", "--max-time", 20, "--cacert", self.authority.certificate, *ports, "-D", "-", "-o", out,
                                    *words, url, check=False, timeout=30)
        lines = [line for line in done.stdout.replace("\r", "").split("\n\n")[-2].splitlines()] if "\n" in done.stdout else ["- 0"]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:] if ": " in line)}
        return int(lines[0].split()[1]), headers, out.read_bytes() if out.exists() else b""

    def asked(self, url, *words):
        return tuple(self.get_from(address, url, *words) for address in (OURS, THEIRS))


def both(example, original):
    if not shutil.which(COMMANDS[original][0]):
        pytest.fail(f"{COMMANDS[original][0]} is not installed (tools/packages.txt)")
    return SideBySide(example, original)


@pytest.fixture(scope="module")
def nginx():
    with both("from-nginx.cfg", "nginx.conf") as running:
        yield running


@pytest.fixture(scope="module")
def haproxy():
    with both("from-haproxy.cfg", "haproxy.cfg") as running:
        yield running


VERSIONS = pytest.mark.parametrize("version", ["--http1.1", "--http2"])
FORWARDED = ("host", "x-real-ip", "x-forwarded-for", "x-forwarded-proto", "user-agent", "accept", "cookie", "x-served-by")


def seen(answer, names):
    headers = dict(json.loads(answer[2])["headers"])
    return {name: headers.get(name) for name in names}


def same(answers, *names):
    """Status, body and these headers."""
    ours, theirs = answers
    assert ours[0] == theirs[0] and ours[2] == theirs[2]
    assert {name: ours[1].get(name) for name in names} == {name: theirs[1].get(name) for name in names}
    return ours


def test_nginx_plain_is_sent_to_https(nginx):
    ours, theirs = nginx.asked("http://shop.example/a/b?c=d", "--http1.1")
    assert (ours[0], ours[1]["location"]) == (theirs[0], theirs[1]["location"]) == (301, "https://shop.example/a/b?c=d")


@VERSIONS
def test_nginx_servers_see_the_same(nginx, version):
    ours, theirs = nginx.asked("https://shop.example/echo/a%20b?c=d", version, "-H", "Cookie: a=1", "-H", "X-Real-IP: 6.6.6.6")
    assert seen(ours, FORWARDED) == seen(theirs, FORWARDED)
    assert json.loads(ours[2])["target"] == json.loads(theirs[2])["target"] == "/echo/a%20b?c=d"


@VERSIONS
def test_nginx_clients_see_the_same(nginx, version):
    assert same(nginx.asked("https://shop.example/health", version), "content-type", *SECURITY)[2] == b"healthy\n"
    assert same(nginx.asked("https://shop.example/nowhere", version), *SECURITY)[0] == 404
    assert same(nginx.asked("https://shop.example/static/dot.png", version), "content-type", "content-length", "cache-control", *SECURITY)[0] == 200
    assert same(nginx.asked("https://shop.example/static/app.css", version), "content-type", "content-length", "cache-control")[0] == 200
    assert [answer[0] for answer in nginx.asked("https://shop.example/static/none.css", version)] == [404, 404]
    part = same(nginx.asked("https://shop.example/static/app.css", version, "-r", "10-19"), "content-range", "content-length")
    assert part[0] == 206 and len(part[2]) == 10


@VERSIONS
def test_nginx_text_is_compressed_alike(nginx, version):
    for path, words in {"static/app.css": (), "echo/": ("-H", "X-Pad: " + "pad" * 500)}.items():
        ours, theirs = nginx.asked(f"https://shop.example/{path}", version, "-H", "Accept-Encoding: gzip", *words)
        assert ours[1]["content-encoding"] == theirs[1]["content-encoding"] == "gzip", path
        assert "Accept-Encoding" in ours[1]["vary"] and "Accept-Encoding" in theirs[1]["vary"]
        assert gzip.decompress(ours[2])[:200] == gzip.decompress(theirs[2])[:200] if path.startswith("static") else gzip.decompress(ours[2])
        assert len(ours[2]) < 1.2 * len(theirs[2]) + 300
    for words in ((), ("-H", "Accept-Encoding: br;q=1, gzip;q=0")):
        assert ["content-encoding" in answer[1] for answer in nginx.asked("https://shop.example/static/app.css", version, *words)] == [False, False]
    pictures = nginx.asked("https://shop.example/static/dot.png", version, "-H", "Accept-Encoding: gzip")
    assert ["content-encoding" in answer[1] for answer in pictures] == [False, False]


@VERSIONS
def test_nginx_the_cache_keeps_the_same(nginx, version):
    word = "kept" + version.strip("-").replace(".", "")
    for _ in range(2):
        first, again = (nginx.asked(f"https://shop.example/cache/{word}", version) for _ in range(2))
    for before, after in zip(first, again, strict=True):
        assert before[2] == after[2], "asked once"


def test_nginx_a_body_that_is_too_large_is_refused(nginx):
    file = nginx.site.run.path / "large"
    file.write_bytes(b"x" * (11 << 20))
    assert [answer[0] for answer in nginx.asked("https://shop.example/sink/", "--http1.1", "-X", "POST", "-H", "Expect:",
                                                "--data-binary", f"@{file}")] == [413, 413]


def test_haproxy_plain_is_sent_to_https(haproxy):
    ours, theirs = haproxy.asked("http://shop.example/a/b?c=d", "--http1.1")
    assert (ours[0], ours[1]["location"]) == (theirs[0], theirs[1]["location"]) == (301, "https://shop.example/a/b?c=d")


@VERSIONS
def test_haproxy_servers_see_the_same(haproxy, version):
    names = [name for name in FORWARDED if name != "x-real-ip"]
    ours, theirs = haproxy.asked("https://shop.example/echo/a?c=d", version, "-H", "Cookie: a=1", "-H", "X-Served-By: me")
    assert seen(ours, names) == seen(theirs, names) and seen(ours, names)["x-served-by"] == "edge"


@VERSIONS
def test_haproxy_paths_lead_where_they_lead(haproxy, version):
    for _ in range(4):
        api = haproxy.asked("https://shop.example/api/x", version)
        assert {json.loads(answer[2])["backend"] for answer in api} == {haproxy.site.backends[1].name}
    assert [answer[0] for answer in haproxy.asked("https://shop.example/admin/x", version)] == [403, 403]
    web = {json.loads(answer[2])["backend"] for _ in range(8) for answer in haproxy.asked("https://shop.example/echo/", version)[:1]}
    assert web == {backend.name for backend in haproxy.site.backends[:2]}
    assert all("x-backend" not in answer[1] for answer in haproxy.asked("https://shop.example/echo/", version))
