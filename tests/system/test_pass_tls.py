"""TLS that is passed through by the name it asks for, with openssl and curl as clients and nginx, which has the keys, behind:
that a handshake completes proves that no byte of it was touched."""
import contextlib

import pytest

from lab import configuration
from lab.authority import Authority
from lab.cardea import Cardea
from lab.client import Client
from lab.nginx import Nginx
from lab.site import SERVICES, Site, endpoint
from lab.web import l7_pool

ADDRESS, NAMED, OR_ELSE = SERVICES.address(20, 4), 8443, 8444


def document(site):
    result = configuration.for_site()
    del result["dataplane"]
    result["l7"] = {"shards": [0, 1], "transport": "kernel", "access_log": str(site.run.logs / "access.log")}
    result["pools"] = [l7_pool(b.name, [b], 8443, health={"type": "none"}) for b in site.backends]
    routes = [{"name": "shop", "match": {"host": ["shop.example", "*.wild.example"]}, "pool": "b1"},
              {"name": "h2", "match": {"host": ["shop.example"], "alpn": ["h2"]}, "pool": "b2"},
              {"name": "blog", "match": {"host": ["blog.wild.example"]}, "pool": "b2"}]
    result["services"] = [
        {"name": "named", "mode": "tcp", "listen": [endpoint(ADDRESS, NAMED) + "/tcp"], "routes": routes},
        {"name": "or_else", "mode": "tcp", "listen": [endpoint(ADDRESS, OR_ELSE) + "/tcp"], "routes": routes, "pool": "b3"}]
    return result


class Passing(Client):
    def __init__(self):
        self.site = Site(backends=3, kernel=True)
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with self._stack:
            site = self._stack.enter_context(self.site)
            self.authority = Authority(site.run.path / "tls")
            for backend in site.backends:
                Nginx(site, backend).start()
            self.cardea = Cardea(site, document(site))
            self._stack.callback(self.site.run.keep_logs)
            self._stack.callback(self.cardea.stop)
            self.cardea.start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *what):
        return self._stack.__exit__(*what)

    def who(self, host, port=NAMED, *words):
        """Which backend answers https://HOST/."""
        return self.curl(f"https://{host}:{port}/", "-k", "--connect-to", f"::{ADDRESS}:{port}", *words).stdout.strip()

    def openssl(self, *words, port=NAMED):
        return self.site.client.run("bash", "-c", f"openssl s_client -connect {ADDRESS}:{port} {' '.join(words)} </dev/null 2>&1",
                                    check=False).stdout


@pytest.fixture(scope="module")
def passing():
    with Passing() as running:
        yield running


def test_names_lead_to_backends_that_have_their_keys(passing):
    without = ["--no-alpn"]
    assert passing.who("shop.example", NAMED, *without) == "b1"
    assert passing.who("any.wild.example", NAMED, *without) == "b1"
    assert passing.who("blog.wild.example", NAMED, *without) == "b2"
    assert passing.logged(1, service="named", route="blog", host="blog.wild.example", reason="ok")


def test_protocols_narrow_a_name(passing):
    assert passing.who("shop.example") == "b1"
    assert passing.who("shop.example", NAMED, "--http2") == "b2"


def test_whom_no_route_is_for_is_told_so(passing):
    told = passing.openssl("-servername", "nobody.example")
    assert "unrecognized name" in told, told
    assert "unrecognized name" in passing.openssl("-noservername")
    assert passing.logged(2, service="named", reason="no_route")
    assert passing.metrics().total("cardea_l7_service_names_refused_total", service="named") >= 2


def test_the_rest_has_a_pool(passing):
    assert passing.who("nobody.example", OR_ELSE) == "b3"
    assert "Cipher is (NONE)" not in passing.openssl("-noservername", port=OR_ELSE)
    assert passing.who("shop.example", OR_ELSE) == "b1"


def test_a_hello_of_many_segments_arrives_untouched(passing):
    protocols = ",".join([*(f"{number:03}-{'x' * 200}" for number in range(40)), "http/1.1"])
    done = passing.openssl("-servername", "blog.wild.example", "-alpn", protocols)
    assert "ALPN protocol: http/1.1" in done and "Cipher is (NONE)" not in done, done


def test_what_is_no_tls_goes_to_the_rest_or_nowhere(passing):
    refused = passing.curl(f"http://{ADDRESS}:{NAMED}/", check=False)
    assert refused.returncode in (52, 56)
    assert passing.logged(1, service="named", reason="no_route", detail="not_tls")
    assert "400" in passing.curl(f"http://{ADDRESS}:{OR_ELSE}/").stdout, "nginx answers plain HTTP on its TLS port"


def test_a_session_resumes_with_the_backend_that_made_it(passing):
    file = str(passing.site.run.path / "session")
    first = passing.openssl("-servername shop.example -tls1_2 -sess_out", file)
    again = passing.openssl("-servername shop.example -tls1_2 -sess_in", file)
    assert "New, TLSv1.2" in first and "Reused, TLSv1.2" in again


def test_explain_says_where_a_name_leads(passing):
    told = passing.cardea.explain_url("GET", f"https://blog.wild.example:{NAMED}/")
    assert "blog" in str(told) and "b2" in str(told)
