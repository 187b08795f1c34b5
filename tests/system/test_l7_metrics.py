"""L7 on the metrics page: series for each service, route and backend, clean for promtool, certificates' ends; and nothing that
a client can choose becomes a label."""
import calendar
import re
import time

import pytest

from lab.metrics import names_in_alerts, queries_of_dashboard
from lab.namespace import run
from lab.prometheus import Prometheus
from lab.wait import until
from lab.web import SHOP, Web

ASKED_FOR = ["cardea_l7_service_requests_total", "cardea_l7_service_responses_total", "cardea_l7_service_connections",
             "cardea_l7_service_connections_total", "cardea_l7_service_bytes_total", "cardea_l7_service_tls_handshakes_total",
             "cardea_l7_route_requests_total", "cardea_l7_route_responses_total", "cardea_l7_backend_requests_total",
             "cardea_l7_backend_responses_total", "cardea_l7_backend_connects_total", "cardea_l7_backend_reused_total",
             "cardea_l7_backend_connect_failures_total", "cardea_l7_backend_retries_total", "cardea_l7_cache_requests_total",
             "cardea_l7_cache_bytes", "cardea_l7_certificate_not_after_seconds", "cardea_l7_log_dropped_total",
             "cardea_l7_connections", "cardea_process_up"]
HISTOGRAMS = ["cardea_l7_service_request_duration", "cardea_l7_route_request_duration", "cardea_l7_backend_response_duration"]
MARK = "AttackersChoice"


@pytest.fixture(scope="module")
def web():
    with Web() as running:
        for path in ("/api/x", "/images/x", "/images/x", "/pages/x", "/"):
            assert running.get(f"https://shop.example{path}")[0] == 200
        yield running


def test_promtool_finds_nothing_to_say(web):
    done = web.site.lb.run("promtool", "check", "metrics", stdin=web.cardea.metrics_page(), check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_page_tells_what_operators_ask_for(web):
    page = web.metrics()
    assert set(ASKED_FOR) - page.names() == set()
    for name in HISTOGRAMS:
        assert any(re.match(name + r"\w*_bucket$", have) for have in page.names()), (name, sorted(page.names()))
    assert page.values("cardea_process_up", process="l7") == [1]


def test_the_alerts_ask_for_what_the_page_has(web):
    asked = {name for name in names_in_alerts() if name.startswith("cardea_l7_")}
    assert asked and asked - web.metrics().names() == set()


def test_every_panel_of_the_dashboard_has_something_to_show(web):
    prometheus = Prometheus(web.site).start()
    try:
        for title, query in queries_of_dashboard().items():
            if "cardea_l7_" in query:
                until(lambda: prometheus.query(query), 15, f"the panel \"{title}\" has samples: {query}", pause=0.5)
    finally:
        prometheus.stop()


def test_counters_say_what_clients_did(web):
    before = web.metrics()

    def grown(name, **labels):
        return web.metrics().total(name, **labels) - before.total(name, **labels)
    for _ in range(7):
        assert web.get("https://shop.example/api/y")[0] == 200
    assert web.get("https://shop.example/images/y")[0] == web.get("https://shop.example/images/y")[0] == 200
    until(lambda: grown("cardea_l7_service_requests_total", service="shop") == 9, 5, "nine requests are counted")
    assert grown("cardea_l7_route_requests_total", service="shop", route="api") == 7
    assert grown("cardea_l7_route_responses_total", service="shop", route="api", code_class="2xx") == 7
    assert grown("cardea_l7_backend_requests_total", pool="api") == 7
    assert grown("cardea_l7_service_tls_handshakes_total", service="shop") == 9
    assert grown("cardea_l7_cache_requests_total", cache="edge", result="hit") == 1
    assert grown("cardea_l7_cache_requests_total", cache="edge", result="miss") == 1
    counts = [name for name in web.metrics().names() if re.match(HISTOGRAMS[1] + r"\w*_count$", name)]
    assert grown(counts[0], service="shop", route="api") == 7


def test_the_page_tells_when_certificates_end(web):
    for host in ("shop.example", "blog.example"):
        file = web.authority.folder / f"{host}.crt"
        ends = run(["openssl", "x509", "-noout", "-enddate", "-in", file]).stdout.strip().removeprefix("notAfter=")
        want = calendar.timegm(time.strptime(ends, "%b %d %H:%M:%S %Y %Z"))
        assert web.metrics().values("cardea_l7_certificate_not_after_seconds", service="shop", certificate=str(file)) == [want]


def test_a_certificate_that_ends_soon_is_a_warning(web):
    web.authority.issue("blog.example", days=3)
    web.reload()
    shown = web.cardea.run("show", "certs").stdout
    row = next(line for line in shown.splitlines() if "blog.example" in line)
    assert re.search(r"blog\.example\.crt +expires on \d{4}-\d\d-\d\d", row), shown
    certificates = web.cardea.cli("show", "certs")["certificates"]
    warned = {c["name"]: c["warning"] for c in certificates}
    assert "expires on" in warned[str(web.authority.folder / "blog.example.crt")]
    assert warned[str(web.authority.folder / "shop.example.crt")] is None


def test_what_a_client_chooses_is_never_a_label(web):
    def ask(n):
        web.get(f"https://shop.example/{MARK}{n}?{MARK}={n}", "-X", f"{MARK.upper()}{n}", "-A", f"{MARK}{n}", "-H", f"{MARK}: {n}")
        web.get(f"http://{SHOP[4]}/", "-H", f"Host: {MARK.lower()}{n}.example")
        web.curl(f"https://{MARK.lower()}{n}.example/", "--resolve", f"{MARK.lower()}{n}.example:443:{SHOP[4]}", "-k", check=False)

    for n in range(5):  # each service, route, backend and reason has its series from here on
        ask(n)
    series = {(name, *sorted(labels.items())) for name, labels, _ in web.metrics().samples if "bucket" not in name}
    for n in range(5, 25):
        ask(n)
    text = web.cardea.metrics_page()
    assert MARK.lower() not in text.lower()
    after = {(name, *sorted(labels.items())) for name, labels, _ in web.metrics().samples if "bucket" not in name}
    assert after - series == set(), "series grew by what a client sent"
