"""Backends that authenticate connections (NTLM, Negotiate): what one client proved is never another's, through the real
cardea-l7 and over plain and TLS connections alike."""
import contextlib
import itertools
import ssl

import pytest

from lab.raw_origin import RawOrigin
from lab.raw_site import ORIGIN_PORT, RawSite, document
from lab.raw_socket import Raw, status
from lab.site import SERVICES, endpoint
from lab.wait import until
from lab.web import http_service, l7_pool

ADDRESS, PORT, TLS_PORT = SERVICES.address(20, 4), 80, 443
NOBODY = b"nobody"


class AuthenticatingOrigin(RawOrigin):
    """Remembers by its connection who somebody is: the first message gets a challenge of this connection's own, the last must
    answer it. Everything else is answered for whom the connection is."""

    def __init__(self, backend, port):
        self.numbers, self.challenges, self.users, self.open = itertools.count(1), {}, {}, []
        super().__init__(backend, port)

    def _serve_one(self, reader):
        if reader not in self.open:
            self.open.append(reader)
        seen = reader.request()
        credentials = b"".join(seen.values(b"Authorization")).partition(b" ")[2]
        if credentials == b"first":
            self.challenges[reader] = challenge = b"%d" % next(self.numbers)
            return self._say(reader, 401, b"", b"WWW-Authenticate: NTLM " + challenge)
        if credentials:
            answered, _, name = credentials.partition(b":")
            if answered != self.challenges.pop(reader, None):
                return self._say(reader, 403, b"this connection was asked something else")
            self.users[reader] = name
        user = self.users.get(reader, NOBODY)
        return self._say(reader, 401 if user is NOBODY else 200, user, b"WWW-Authenticate: Negotiate, NTLM" if user is NOBODY else b"")

    def _say(self, reader, code, body, field=b""):
        lines = [b"HTTP/1.1 %d X" % code, *([field] if field else []), b"Content-Length: %d" % len(body), b"", body]
        reader.connection.sendall(b"\r\n".join(lines))
        return True

    def end_idle(self):
        """The backend's own timeout: every connection ends, between two requests."""
        for reader in self.open:
            with contextlib.suppress(OSError):
                reader.connection.shutdown(2)
        self.open.clear()


def configured(users):
    result = document(users.site)
    result["pools"] = [l7_pool("users", users.site.backends, ORIGIN_PORT, health={"type": "none"})]
    result["services"] = [http_service("plain", [endpoint(ADDRESS, PORT) + "/tcp"], pool="users"),
                          http_service("secure", [endpoint(ADDRESS, TLS_PORT) + "/tcp"], [users.authority.issue("shop.example")],
                                       pool="users")]
    return result


class Users(RawSite):
    def __init__(self):
        super().__init__(configured, AuthenticatingOrigin)

    def owned(self):
        return self.metrics().total("cardea_l7_backend_own_connections", pool="users")


class Person(Raw):
    def __init__(self, users, secure):
        super().__init__(users.site.client, ADDRESS, TLS_PORT if secure else PORT)
        if secure:
            context = ssl.create_default_context(cafile=str(users.authority.certificate))
            self.socket = context.wrap_socket(self.socket, server_hostname="shop.example")

    def ask(self, credentials=b""):
        field = b"Authorization: NTLM " + credentials + b"\r\n" if credentials else b""
        self.send(b"GET / HTTP/1.1\r\nHost: shop.example\r\n" + field + b"\r\n")
        return self.read_message()

    def begin(self):
        """The first two steps of a handshake: what the backend asks of this connection."""
        answer = self.ask(b"first")
        assert status(answer) == 401, answer
        return answer.partition(b"NTLM ")[2].partition(b"\r\n")[0]

    def log_in(self, name):
        answer = self.ask(self.begin() + b":" + name)
        assert status(answer) == 200 and answer.endswith(name), answer

    def name(self):
        return self.ask().rpartition(b"\r\n\r\n")[2]


@pytest.fixture(scope="module")
def users():
    with Users() as running:
        yield running


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_what_one_client_proved_is_no_other_ones(users, secure):
    with Person(users, secure) as alice, Person(users, secure) as bob, Person(users, secure) as stranger:
        alice.log_in(b"alice")
        assert stranger.name() == NOBODY, "a stranger is taken for alice"
        bob.log_in(b"bob")
        for _ in range(10):
            assert [who.name() for who in (alice, stranger, bob)] == [b"alice", NOBODY, b"bob"]
        assert users.owned() == 3, "the stranger was offered a handshake"
    until(lambda: users.owned() == 0, 10, "connections end with their clients")
    with Person(users, secure) as late:
        assert late.name() == NOBODY


def test_handshakes_that_cross_reach_the_connections_that_asked(users):
    with contextlib.ExitStack() as stack:
        people = [stack.enter_context(Person(users, secure=n % 2 == 1)) for n in range(8)]
        asked = [who.begin() for who in people]
        for n in (5, 0, 7, 2, 1, 6, 3, 4):
            answer = people[n].ask(asked[n] + b":user%d" % n)
            assert answer.endswith(b"user%d" % n), answer
        assert [who.name() for who in people] == [b"user%d" % n for n in range(8)]


def test_a_handshake_that_lost_its_connection_is_not_said_to_another(users):
    with Person(users, secure=False) as alice:
        asked = alice.begin()
        users.origin.end_idle()
        if alice.send(b"GET / HTTP/1.1\r\nHost: shop.example\r\nAuthorization: NTLM " + asked + b":alice\r\n\r\n"):
            answer = alice.read_to_end(10)
            assert answer is not None and status(answer) in (0, 502), "the client's connection ends, too"
    assert users.origin.complaints == []
