"""Access logs: their forms, where they go, which exchanges they have, and that `check` says what is wrong with one."""
import json
import re

import pytest

from lab.log_receiver import LogReceiver
from lab.site import CLIENT_HOST, WAN
from lab.wait import until
from lab.web import Web

SYSLOG = re.compile(r"<(\d+)>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\S+) cardea-l7 \d+ access - (.*)")
COMBINED = re.compile(r'(\S+) - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\] "([^"]*)" (\d{3}) (\d+) "([^"]*)" "([^"]*)"')
UDP_PORT = 5514


class Logs(Web):
    """Four more logs beside the usual one."""

    def __init__(self):
        super().__init__(change=self.with_logs)

    def with_logs(self, document):
        site = self.site
        self.socket = site.run.path / "log.sock"
        self.combined = site.run.logs / "combined.log"
        receiver = site.backends[2]
        document["l7"]["access_logs"] = [
            {"name": "errors", "to": f"syslog:{receiver.address(4)}:{UDP_PORT}", "format": "httplog", "when": "status >= 404", "facility": "daemon"},
            {"name": "local", "to": f"syslog:{self.socket}", "mask": ["query"]},
            {"name": "combined", "to": str(self.combined), "format": "combined", "rotate_size": "4KiB", "rotate_keep": 2},
            {"name": "own", "to": str(site.run.logs / "own.log"), "format": "${method} ${target} ${status} ${reason}", "when": "path =~ \"/own/.*\""}]
        next(s for s in document["services"] if s["name"] == "plain")["access_logs"] = ["own", "access_log"]

    def __enter__(self):
        super().__enter__()
        backend = self.site.backends[2]
        self.udp = LogReceiver(self.site, backend.namespace, "udp-log", str(UDP_PORT)).start()
        self.unix = LogReceiver(self.site, self.site.lb, "unix-log", str(self.socket)).start()
        return self


@pytest.fixture(scope="module")
def web():
    with Logs() as running:
        yield running


def test_syslog_over_udp_has_httplog_of_what_failed(web):
    web.get("https://shop.example/pages/fine-udp")
    web.get("https://shop.example/status/missing-udp?x=1", "-H", "Host: nobody.example")
    priority, _, text = SYSLOG.fullmatch(web.udp.until_line("missing-udp")).groups()
    assert priority == str(3 * 8 + 6)
    client, rest = text.split(" ", 1)
    assert client.rsplit(":", 1)[0] == WAN.address(CLIENT_HOST, 4)
    assert re.fullmatch(r'\[[^]]+\] shop~ shop/<NOSRV> \d+/0/-1/-1/\d+ 404 \d+ - - PR-- \d+/\d+/0/0/0 0/0 '
                        r'"GET /status/missing-udp\?x=1 HTTP/1\.1"', rest), rest
    assert not any("fine-udp" in line for line in web.udp.lines())


def test_a_unix_socket_has_json_without_queries(web):
    web.get("https://shop.example/pages/local?secret=1")
    entry = json.loads(SYSLOG.fullmatch(web.unix.until_line("/pages/local"))[3])
    assert (entry["path"], entry["query"], entry["status"]) == ("/pages/local", "***", 200)
    assert web.logged(id=entry["id"])[-1]["query"] == "secret=1", "the other log has it"


def test_lines_wait_for_a_reader_that_comes_again(web):
    web.unix.stop()
    web.get("https://shop.example/pages/while-it-was-away")
    web.logged(path="/pages/while-it-was-away")
    web.unix.start()
    web.unix.until_line("/pages/while-it-was-away")


def test_what_nobody_hears_is_counted(web):
    web.udp.stop()
    def lost():
        web.get("https://shop.example/pages/lost", "-H", "Host: nobody.example")
        return web.metrics().total("cardea_l7_log_lost_total", log="errors") > 0
    until(lost, 20, "lines that nobody hears are counted")
    web.udp.start()
    web.get("https://shop.example/heard-again", "-H", "Host: nobody.example")
    web.udp.until_line("heard-again")


def test_combined_is_read_as_apaches_and_rotated_by_size(web):
    for number in range(60):
        web.get(f"https://shop.example/pages/{number}?{'x' * 100}", "-A", 'a "quoted" agent')
    old = [web.combined.with_name(f"combined.log.{number}") for number in (1, 2, 3)]
    def written():
        text = "".join(file.read_text() for file in (*old[:2], web.combined) if file.exists())
        return old[1].exists() and all(f"/pages/{number}?" in text for number in (57, 58, 59))
    until(written, 5, "two old files, and the last lines")
    assert not old[2].exists() and web.combined.stat().st_size < 5000
    lines = [line for file in (old[1], old[0], web.combined) for line in file.read_text().splitlines()]
    read = [COMBINED.fullmatch(line) for line in lines]
    assert all(read), [line for line, match in zip(lines, read) if not match]
    numbers = [int(match[2].split("/")[2].split("?")[0]) for match in read if match[2].startswith("GET /pages/") and match[2][11].isdigit()]
    assert set(range(35, 60)) <= set(numbers) and len(numbers) == len(set(numbers)), "no line is missing between two files"
    assert all("\\x22quoted\\x22" in match[6] for match in read if match[6] != "-" and "quoted" in match[6])


def test_a_service_chooses_its_logs(web):
    web.get("http://shop.example/own/plain")
    web.get("https://shop.example/own/tls")
    own = web.site.run.logs / "own.log"
    until(lambda: own.exists() and len(own.read_text().splitlines()) >= 2, 5, "two lines of one's own form")
    assert sorted(own.read_text().splitlines()) == ["GET /own/plain 404 ok", "GET /own/tls 404 ok"]
    web.unix.until_line("/own/tls")
    assert not any("/own/plain" in line for line in web.unix.lines())


def test_a_reload_takes_up_another_form(web):
    log = next(log for log in web.document["l7"]["access_logs"] if log["name"] == "own")
    log["format"] = "again ${path}"
    web.reload()
    web.get("https://shop.example/own/second")
    own = web.site.run.logs / "own.log"
    until(lambda: "again /own/second\n" in own.read_text(), 5, "the new form")
    assert web.metrics().total("cardea_l7_log_dropped_total") == 0


@pytest.mark.parametrize("key, value, said", [
    ("format", "${stauts} ${path}", '${status} ${path}'),
    ("format", "${remote_addr}", "${client_address}"),
    ("format", "combind", "combined"),
    ("when", "rote == api", "route == api"),
    ("when", "status >> 5", "at character"),
    ("to", "syslog:192.0.2.9", "syslog:192.0.2.9:514"),
    ("to", "192.0.2.9:514", "syslog:192.0.2.9:514"),
])
def test_check_points_at_what_is_wrong(web, key, value, said):
    logs = web.document["l7"]["access_logs"]
    before = dict(logs[3])
    logs[3][key] = value
    try:
        web.cardea.write(web.document)
        done = web.cardea.run("check", web.cardea.file, check=False)
        told = done.stdout + done.stderr
        assert done.returncode != 0 and f"l7.access_logs[3].{key}" in told and said in told, told
    finally:
        logs[3] = before
        web.cardea.write(web.document)
