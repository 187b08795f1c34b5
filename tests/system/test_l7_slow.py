"""Six hundred clients that are slow on purpose: all are gone within the limits that the service states, and a plain client is
served throughout."""
import json
import pathlib
import sys

import pytest

from lab import slow_clients
from lab.raw_site import ORIGIN_PORT, RawSite, document
from lab.raw_socket import Raw, status
from lab.site import SERVICES, endpoint
from lab.wait import until
from lab.web import http_service, l7_pool, route
from lab.witness import Witness

ADDRESS, PORT = SERVICES.address(20, 4), 80
EACH = 200
LARGE = 4 << 20
# A head has request_timeout. A body, or the taking of a response, has rate_window twice (it may begin with a pause as long), and
# behind the answer to it linger_timeout. The rest is for this machine's moods.
LIMITS = {"request_timeout": "3s", "body_timeout": "5s", "rate_min": "100B", "rate_window": "3s", "linger_timeout": "3s"}
GONE_WITHIN = 60


def configured(attacked):
    result = document(attacked.site)
    result["caches"] = [{"name": "edge", "memory": "32MB", "object_max": "8MB"}]
    result["pools"] = [l7_pool("raw", attacked.site.backends, ORIGIN_PORT, health={"type": "none"})]
    routes = [route("cache", "/cache/", "raw", cache="edge"), route("waits", "/waits/", "raw", request_buffering={"bytes": "1MB"}),
              route("rest", "/", "raw")]
    result["services"] = [http_service("plain", [endpoint(ADDRESS, PORT) + "/tcp"], routes=routes, **LIMITS)]
    return result


def large(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n" % LARGE + b"x" * LARGE)
    return True


def has_large_answers(origin):
    for path in ("/cache/large", "/large"):
        origin.answer(path, large)


class Attacked(RawSite):
    def __init__(self):
        super().__init__(configured, prepare=has_large_answers)

    def attack(self):
        """What became of the slow clients."""
        done = self.site.client.run(sys.executable, pathlib.Path(slow_clients.__file__), ADDRESS, PORT, "--each", EACH, "--seconds",
                                    GONE_WITHIN, "--paths", "/cache/large", "/large", timeout=2 * GONE_WITHIN)
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def attacked():
    with Attacked() as running:
        yield running


def test_all_are_gone_within_the_limits_and_a_plain_client_is_served_throughout(attacked):
    witness = Witness(attacked.site, ADDRESS, PORT)
    attacked.site.client.run("curl", "-sSf", "-o", "/dev/null", f"http://{ADDRESS}/cache/large")
    witness.start()
    until(lambda: witness.served > 0, 10, "the plain client is served")
    result = attacked.attack()
    served = witness.served
    until(lambda: witness.served > served, 10, "the plain client is still served")
    witness.end()
    assert result["left"] == 0, result
    assert result["ended"] == {"heads": EACH, "bodies": EACH, "readers": EACH}
    assert witness.wrong == []
    until(lambda: attacked.metrics().values("cardea_l7_connections")[0] == 0, 15, "all connections are closed")
    assert attacked.metrics().total("cardea_l7_service_slow_clients_total", service="plain") == 3 * EACH
    assert attacked.metrics().total("cardea_l7_backend_connections", pool="raw") == 0


def test_a_slow_upload_holds_no_backend_while_it_is_waited_for(attacked):
    def connections():
        return attacked.metrics().total("cardea_l7_backend_connections", pool="raw")
    size = 40_000
    for path, held in (("/waits/x", 0), ("/plain/x", 1)):
        until(lambda: connections() == 0, 15, "no connection is left of what was before")
        before = len(attacked.origin.requests)
        with Raw(attacked.site.client, ADDRESS, PORT) as client:
            client.send(b"POST %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (path.encode(), size))
            for piece in range(4):
                client.send(b"b" * (size // 8))
                until(lambda: connections() == held, 5, f"{held} connections while {path} comes in")
            client.send(b"b" * (size // 2))
            assert status(client.read_message()) == 200
        assert [(seen.target, len(seen.body)) for seen in list(attacked.origin.requests)[before:]] == [(path.encode(), size)]
    metrics = attacked.metrics()
    assert metrics.total("cardea_l7_service_bodies_buffered_total", service="plain") == 1
    assert "request_buffering" in attacked.cardea.run("explain", "POST", f"http://{ADDRESS}/waits/x").stdout
