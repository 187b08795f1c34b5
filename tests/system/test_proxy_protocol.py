"""The PROXY protocol with those who made it: HAProxy and nginx as backends that expect it, HAProxy and curl as clients that
send it, in both versions, over plain and TLS, and with health checks that would fail without it."""
import contextlib

import pytest

from lab import configuration
from lab.authority import Authority
from lab.cardea import Cardea
from lab.client import Client
from lab.haproxy import Haproxy
from lab.nginx import certificate
from lab.process import Process
from lab.site import SERVICES, WAN, CLIENT_HOST, Site, endpoint
from lab.wait import until
from lab.web import http_service, l7_pool

ADDRESS, CLIENT = SERVICES.address(20, 4), WAN.address(CLIENT_HOST, 4)
HTTP_V1, HTTP_V2, TLS_V2, RAW_V1, RAW_V2, FROM, FROM_TLS, FROM_RAW, FROM_OTHERS = range(8001, 8010)

NGINX = """\
daemon off;
user root;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 8081 proxy_protocol;
    listen 8444 ssl proxy_protocol;
    ssl_certificate {certificate}.crt;
    ssl_certificate_key {certificate}.key;
    location / {{ return 200 "$proxy_protocol_addr $proxy_protocol_server_addr $proxy_protocol_server_port $connection\n"; }}
  }}
  server {{
    listen 8080;
    location / {{ return 200 "$http_x_forwarded_for $http_x_forwarded_port\n"; }}
  }}
}}
"""

RECEIVER = """\
frontend receiver
  bind :8082 accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[dst] %[dst_port] %[fc_pp_authority]\\n"
"""

SENDERS = """\
listen v1
  bind 127.0.0.1:9001
  server cardea {address}:{plain} check inter 200ms send-proxy
listen v2
  bind 127.0.0.1:9002
  server cardea {address}:{plain} check inter 200ms send-proxy-v2 proxy-v2-options crc32c
listen tls
  bind 127.0.0.1:9003
  server cardea {address}:{tls} ssl verify none check inter 200ms send-proxy-v2
"""


def document(site, authority):
    result = configuration.for_site()
    del result["dataplane"]
    nginx, haproxy = site.backends
    http, https = {"type": "http", "path": "/", "interval": "200ms"}, {"type": "https", "path": "/", "interval": "200ms"}
    result["l7"] = {"shards": [0, 1], "transport": "kernel", "access_log": str(site.run.logs / "access.log")}
    result["pools"] = [
        l7_pool("nginx_v1", [nginx], 8081, health=http, proxy_protocol="v1"),
        l7_pool("nginx_tls", [nginx], 8444, health=https, proxy_protocol="v2", tls={"verify": False}),
        l7_pool("haproxy_v2", [haproxy], 8082, health=http, proxy_protocol="v2"),
        l7_pool("raw_v1", [haproxy], 8082, health={"type": "tcp"}, proxy_protocol="v1"),
        l7_pool("plain", [nginx], 8080, health=http)]
    certificates = [authority.issue("shop.example")]

    def at(port):
        return [endpoint(ADDRESS, port) + "/tcp"]
    believed, others = {"from": [WAN.prefix(4)]}, {"from": ["198.51.100.0/24"]}
    result["services"] = [
        http_service("http_v1", at(HTTP_V1), pool="nginx_v1"),
        http_service("http_v2", at(HTTP_V2), certificates, pool="haproxy_v2"),
        http_service("tls_v2", at(TLS_V2), pool="nginx_tls"),
        {"name": "raw_v1", "mode": "tcp", "listen": at(RAW_V1), "pool": "raw_v1"},
        {"name": "raw_v2", "mode": "tcp", "listen": at(RAW_V2), "tls": {"certificates": certificates}, "pool": "haproxy_v2"},
        http_service("from", at(FROM), pool="plain", proxy_protocol=believed),
        http_service("from_tls", at(FROM_TLS), certificates, pool="plain", proxy_protocol=believed),
        {"name": "from_raw", "mode": "tcp", "listen": at(FROM_RAW), "pool": "haproxy_v2", "proxy_protocol": believed},
        http_service("from_others", at(FROM_OTHERS), pool="plain", proxy_protocol=others)]
    return result


class Proxied(Client):
    def __init__(self):
        self.site = Site(backends=2, kernel=True)
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with self._stack:
            site = self._stack.enter_context(self.site)
            self.authority = Authority(site.run.path / "tls")
            nginx, haproxy = site.backends
            folder = site.run.path / "nginx"
            folder.mkdir()
            (folder / "nginx.conf").write_text(NGINX.format(folder=folder, certificate=certificate(site.run)))
            Process(site.run, "nginx", nginx.namespace.command("nginx", "-p", folder, "-c", folder / "nginx.conf"), site.kept).start()
            Haproxy(site, haproxy.namespace, "receiver", RECEIVER, [8082]).start()
            senders = SENDERS.format(address=ADDRESS, plain=FROM, tls=FROM_TLS)
            site.client.name_hosts({"shop.example": ADDRESS})
            self.cardea = Cardea(site, document(site, self.authority))
            self._stack.callback(self.site.run.keep_logs)
            self._stack.callback(self.cardea.stop)
            self.cardea.start()
            self.cardea.until_backends("up")
            Haproxy(site, site.client, "senders", senders, [9001, 9002, 9003]).start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *what):
        return self._stack.__exit__(*what)

    def body(self, url, *words):
        return self.curl(url, *words).stdout.split()

    def refused(self, service):
        return self.metrics().total("cardea_l7_service_proxy_headers_refused_total", service=service)


@pytest.fixture(scope="module")
def proxied():
    with Proxied() as running:
        yield running


@pytest.mark.parametrize("port", [HTTP_V1, TLS_V2], ids=["v1", "v2_before_tls"])
def test_nginx_sees_the_client(proxied, port):
    """Its backends are up: health checks, which nginx would answer with 400 otherwise, began with a header as well."""
    first, second = (proxied.body(f"http://{ADDRESS}:{port}/") for _ in range(2))
    assert first[:3] == second[:3] == [CLIENT, ADDRESS, str(port)]
    assert first[3] != second[3], "two clients on one connection"
    one, other = proxied.curl(f"http://{ADDRESS}:{port}/", f"http://{ADDRESS}:{port}/").stdout.splitlines()
    assert one == other, "one client's requests share a connection"


def test_haproxy_sees_the_client_and_the_name_it_asked_for(proxied):
    """And finds the checksum right."""
    assert proxied.body(f"https://shop.example:{HTTP_V2}/") == [CLIENT, ADDRESS, str(HTTP_V2), "shop.example"]
    assert proxied.body(f"https://shop.example:{HTTP_V2}/", "--http2") == [CLIENT, ADDRESS, str(HTTP_V2), "shop.example"]


def test_tcp_services_begin_with_it(proxied):
    assert proxied.body(f"http://{ADDRESS}:{RAW_V1}/") == [CLIENT, ADDRESS, str(RAW_V1)]
    assert proxied.body(f"https://shop.example:{RAW_V2}/") == [CLIENT, ADDRESS, str(RAW_V2), "shop.example"]


@pytest.mark.parametrize("port", [9001, 9002, 9003], ids=["v1", "v2_with_checksum", "v2_before_tls"])
def test_haproxys_clients_are_ours(proxied, port):
    until(lambda: proxied.curl(f"http://127.0.0.1:{port}/").stdout == f"127.0.0.1 {port}\n", 10, "HAProxy's checks pass")


def test_haproxys_checks_are_no_faults(proxied):
    assert proxied.refused("from") == proxied.refused("from_tls") == 0
    assert proxied.logged(1, service="from", reason="ok")[0]["client"].startswith("127.0.0.1:")


def test_curl_speaks_it_before_http_and_before_tls(proxied):
    for url in (f"http://{ADDRESS}:{FROM}/", f"https://shop.example:{FROM_TLS}/"):
        assert proxied.body(url, "--haproxy-protocol")[0] == CLIENT


def test_a_chain_of_balancers_names_the_first_client(proxied):
    assert proxied.body(f"http://{ADDRESS}:{FROM_RAW}/", "--haproxy-protocol")[:2] == [CLIENT, ADDRESS]


def test_who_is_believed_has_to_say_it(proxied):
    before = proxied.refused("from")
    done = proxied.curl(f"http://{ADDRESS}:{FROM}/", check=False)
    assert done.returncode in (52, 56), done
    assert proxied.logged(1, service="from", reason="bad_proxy_header", detail="no_proxy_header")
    assert proxied.refused("from") == before + 1


def test_nobody_else_is_believed(proxied):
    assert proxied.body(f"http://{ADDRESS}:{FROM_OTHERS}/")[0] == CLIENT
    done = proxied.curl(f"http://{ADDRESS}:{FROM_OTHERS}/", "--haproxy-protocol", "-o", "/dev/null", "-w", "%{http_code}")
    assert done.stdout == "400"
    assert proxied.refused("from_others") == 0
