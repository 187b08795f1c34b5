"""Hostile clients and hostile backends against the real cardea-l7, byte by byte over raw sockets: a 4xx or a close, never a
hang, never a wrong forward. The backend here judges all it is sent; a witness asks on beside every attack and is served; the
process does not grow."""
import contextlib
import pathlib
import random
import socket
import ssl
import threading
import time

import pytest

from lab.namespace import run
from lab.raw_site import ORIGIN_PORT, RawSite, document
from lab.raw_socket import Raw, message_size, status
from lab.site import CLIENT_HOST, SERVICES, WAN, endpoint
from lab.wait import until
from lab.web import http_service, l7_pool
from lab.witness import Witness

ADDRESS, PORT, TLS_PORT = SERVICES.address(20, 4), 80, 443
TIMEOUT = 2       # of heads, bodies and backends, in seconds
HANG = TIMEOUT + 6  # whatever takes longer hangs: a timeout, two seconds of lingering, and this machine's moods
BUFFERS_MB = 16
HOST = b"Host: shop.example\r\n"


def configured(hostile):
    result = document(hostile.site, buffers=f"{BUFFERS_MB}MB")
    result["pools"] = [l7_pool("raw", hostile.site.backends, ORIGIN_PORT, response_timeout=f"{TIMEOUT}s", health={"type": "none"})]
    limits = {"pool": "raw", "request_timeout": f"{TIMEOUT}s", "body_timeout": f"{TIMEOUT}s", "idle_timeout": "20s"}
    result["services"] = [http_service("plain", [endpoint(ADDRESS, PORT) + "/tcp"], **limits),
                          http_service("secure", [endpoint(ADDRESS, TLS_PORT) + "/tcp"], [hostile.authority.issue("shop.example")],
                                       **limits)]
    return result


class Hostile(RawSite):
    def __init__(self):
        super().__init__(configured)

    def connect(self, port=PORT):
        return Raw(self.site.client, ADDRESS, port)

    def ask(self, data, port=PORT, seconds=HANG):
        """What comes back until the end; a hang fails."""
        with self.connect(port) as client:
            client.send(data)
            answer = client.read_to_end(seconds)
            assert answer is not None, f"a hang: {client.got[:200]!r} for {data[:200]!r}"
            return answer

    def memory_kb(self):
        """What the process itself holds; ip netns exec ran it in its own place, so the id is cardea-l7's."""
        text = pathlib.Path(f"/proc/{self.l7_pid()}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0])

    def l7_pid(self):
        for pid in run(["ip", "netns", "pids", self.site.lb.name]).stdout.split():
            if pathlib.Path(f"/proc/{pid}/comm").read_text().startswith("cardea-l7"):
                return pid
        raise AssertionError("cardea-l7 is gone")

    def until_quiet(self):
        """No connection but the witness's is left."""
        until(lambda: self.metrics().values("cardea_l7_connections")[0] <= 1, 15, "all connections are closed", pause=0.2)


@pytest.fixture(scope="module")
def running():
    with Hostile() as hostile:
        yield hostile


@pytest.fixture
def hostile(running):
    """With a witness; behind each test the process lives, the backend has no complaint, and others were served."""
    pid, witness = running.l7_pid(), Witness(running.site, ADDRESS, PORT)
    running.origin.requests.clear()
    running.origin.complaints.clear()
    witness.start()
    yield running
    witness.end()
    assert running.l7_pid() == pid
    assert running.origin.complaints == []
    assert witness.wrong == [] and witness.served > 0
    assert witness.slowest < HANG, f"others waited up to {witness.slowest:.1f} s, as if they were the attacker"


def request(line, fields=b"", body=b""):
    return line + b" HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body


SMUGGLED = request(b"GET /smuggled")
CHUNKED = b"Transfer-Encoding: chunked\r\n"
LAST = b"0\r\n\r\n"
SHAPES = {
    "length_and_chunks": request(b"POST /bad", b"Content-Length: 4\r\n" + CHUNKED, LAST),
    "chunks_and_length": request(b"POST /bad", CHUNKED + b"Content-Length: 4\r\n", LAST),
    "two_lengths": request(b"POST /bad", b"Content-Length: 0\r\nContent-Length: 44\r\n"),
    "two_equal_lengths": request(b"POST /bad", b"Content-Length: 4\r\nContent-Length: 4\r\n", b"body"),
    "listed_lengths": request(b"POST /bad", b"Content-Length: 4, 4\r\n", b"body"),
    "signed_length": request(b"POST /bad", b"Content-Length: +4\r\n", b"body"),
    "hexadecimal_length": request(b"POST /bad", b"Content-Length: 0x4\r\n", b"body"),
    "negative_length": request(b"POST /bad", b"Content-Length: -1\r\n", b"body"),
    "empty_length": request(b"POST /bad", b"Content-Length:\r\n", b"body"),
    "spaced_length": request(b"POST /bad", b"Content-Length: 4 4\r\n", b"body"),
    "overflowing_length": request(b"POST /bad", b"Content-Length: 18446744073709551620\r\n", b"body"),
    "two_codings": request(b"POST /bad", CHUNKED + CHUNKED, LAST),
    "identity": request(b"POST /bad", b"Transfer-Encoding: identity\r\n"),
    "chunked_not_last": request(b"POST /bad", b"Transfer-Encoding: chunked, gzip\r\n", LAST),
    "chunked_twice": request(b"POST /bad", b"Transfer-Encoding: chunked, chunked\r\n", LAST),
    "coding_unknown": request(b"POST /bad", b"Transfer-Encoding: xchunked\r\n", LAST),
    "coding_quoted": request(b"POST /bad", b'Transfer-Encoding: "chunked"\r\n', LAST),
    "coding_with_tab": request(b"POST /bad", b"Transfer-Encoding: chunked\x0b\r\n", LAST),
    "coding_folded": request(b"POST /bad", b"Transfer-Encoding:\r\n chunked\r\n", LAST),
    "coding_empty": request(b"POST /bad", b"Transfer-Encoding:\r\n", LAST),
    "coding_semicolon": request(b"POST /bad", b"Transfer-Encoding: chunked;x=y\r\n", LAST),
    "space_before_colon": request(b"POST /bad", b"Transfer-Encoding : chunked\r\n", LAST),
    "tab_before_colon": request(b"POST /bad", b"Content-Length\t: 4\r\n", b"body"),
    "name_with_underscore": request(b"POST /bad", b"Transfer_Encoding: chunked\r\n", LAST),
    "name_with_nul": request(b"POST /bad", b"Transfer-Encoding\0: chunked\r\n", LAST),
    "leading_space": request(b"POST /bad", b" Transfer-Encoding: chunked\r\n", LAST),
    "folded": request(b"GET /bad", b"X: a\r\n b\r\n"),
    "folded_by_tab": request(b"GET /bad", b"X: a\r\n\tContent-Length: 44\r\n"),
    "nameless": request(b"GET /bad", b": value\r\n"),
    "no_colon": request(b"GET /bad", b"Header\r\n"),
    "nul_in_value": request(b"GET /bad", b"X: a\0b\r\n"),
    "control_in_value": request(b"GET /bad", b"X: a\x1bb\r\n"),
    "bare_cr": request(b"GET /bad", b"X: a\rContent-Length: 44\r\n"),
    "bare_lf": b"GET /bad HTTP/1.1\n" + HOST + b"\r\n",
    "bare_lf_in_fields": request(b"GET /bad", b"X: a\nContent-Length: 44\r\n"),
    "bare_lf_at_the_end": b"GET /bad HTTP/1.1\r\n" + HOST + b"\n",
    "bare_cr_at_the_end": b"GET /bad HTTP/1.1\r\n" + HOST + b"\r\r\n",
    "no_host": b"GET /bad HTTP/1.1\r\n\r\n",
    "two_hosts": request(b"GET /bad", b"Host: other\r\n"),
    "host_with_path": b"GET /bad HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "host_with_user": b"GET /bad HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "host_with_two_ports": b"GET /bad HTTP/1.1\r\nHost: a:1:2\r\n\r\n",
    "two_spaces": request(b"GET  /bad"),
    "tabs": request(b"GET\t/bad"),
    "space_in_target": request(b"GET /ba d"),
    "no_version": b"GET /bad\r\n" + HOST + b"\r\n",
    "old_version": b"GET /bad HTTP/0.9\r\n" + HOST + b"\r\n",
    "new_version": b"GET /bad HTTP/2.0\r\n" + HOST + b"\r\n",
    "odd_version": b"GET /bad HTTP/1.10\r\n" + HOST + b"\r\n",
    "small_version": b"GET /bad http/1.1\r\n" + HOST + b"\r\n",
    "preface_of_h3": b"PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n",
    "odd_method": request(b"GE(T /bad"),
    "connect": request(b"CONNECT bad:80"),
    "asterisk": request(b"GET *"),
    "fragment": request(b"GET /bad#fragment"),
    "raw_byte": request(b"GET /b\xe4d"),
    "above_the_root": request(b"GET /../bad"),
    "encoded_nul": request(b"GET /bad%00"),
    "encoded_badly": request(b"GET /bad%zz"),
    "chunks_in_http_1_0": b"POST /bad HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n" + LAST,
    "chunk_size_empty": request(b"POST /bad", CHUNKED, b"\r\nab\r\n" + LAST),
    "chunk_size_signed": request(b"POST /bad", CHUNKED, b"+2\r\nab\r\n" + LAST),
    "chunk_size_prefixed": request(b"POST /bad", CHUNKED, b"0x2\r\nab\r\n" + LAST),
    "chunk_size_spaced": request(b"POST /bad", CHUNKED, b"2 \r\nab\r\n" + LAST),
    "chunk_size_overflow": request(b"POST /bad", CHUNKED, b"10000000000000002\r\nab\r\n" + LAST),
    "chunk_size_huge": request(b"POST /bad", CHUNKED, b"ffffffffffffffff\r\nab\r\n" + LAST),
    "chunk_bare_lf": request(b"POST /bad", CHUNKED, b"2\nab\r\n" + LAST),
    "chunk_longer_than_said": request(b"POST /bad", CHUNKED, b"2\r\nabc\r\n" + LAST),
    "chunk_without_end": request(b"POST /bad", CHUNKED, b"2\r\nab" + LAST),
    "chunk_extension_bare_lf": request(b"POST /bad", CHUNKED, b"2;a\nb\r\nab\r\n" + LAST),
    "chunk_extension_endless": request(b"POST /bad", CHUNKED, b"2;" + b"a" * 5000 + b"\r\nab\r\n" + LAST),
    "trailer_bare_lf": request(b"POST /bad", CHUNKED, b"0\r\nX: a\n\r\n"),
    "trailer_folded": request(b"POST /bad", CHUNKED, b"0\r\nX: a\r\n b\r\n\r\n"),
    "trailer_endless": request(b"POST /bad", CHUNKED, b"0\r\nX: " + b"a" * 20_000 + b"\r\n\r\n"),
    "long_line": request(b"GET /" + b"b" * 60_000),
    "long_field": request(b"GET /bad", b"X: " + b"a" * 60_000 + b"\r\n"),
    "many_fields": request(b"GET /bad", b"X: a\r\n" * 1000),
    "many_empty_fields": request(b"GET /bad", b"X:\r\n" * 3000),
    "many_empty_lines": b"\r\n" * 3000 + request(b"GET /bad"),
    "response": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "garbage": bytes(random.Random(1).randbytes(4000)),
    "nuls": b"\0" * 1000,
    "proxy_protocol": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + request(b"GET /bad"),
    "tls_hello": bytes.fromhex("160301007a010000760303") + b"\x11" * 114,
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_two_readers_could_read_differently_is_refused(hostile, name):
    answer = hostile.ask(SHAPES[name] + SMUGGLED)
    assert answer == b"" or 400 <= status(answer) < 600, answer[:300]
    assert answer.count(b"HTTP/1.1 ") <= 1, f"what follows was answered too: {answer[:500]!r}"
    assert not answer or b"\r\nConnection: close\r\n" in answer
    assert not [t for t in hostile.origin.targets() if not t.startswith(b"/witness/")]


ACCEPTED = {
    "an_empty_line_first": b"\r\n" + request(b"GET /good"),
    "coding_in_capitals": request(b"POST /good", b"transfer-encoding:CHUNKED\r\n", b"4\r\nbody\r\n" + LAST),
    "extensions": request(b"POST /good", CHUNKED, b'4;a=b;c="\\"d"\r\nbody\r\n0;e\r\n\r\n'),
    "capital_digits": request(b"POST /good", CHUNKED, b"0000A\r\n0123456789\r\n000\r\n\r\n"),
    "trailers": request(b"POST /good", CHUNKED, b"4\r\nbody\r\n0\r\nContent-Length: 9\r\nHost: other\r\n\r\n"),
    "body_of_a_get": request(b"GET /good", b"Content-Length: 4\r\n", b"body"),
    "named_by_connection": request(b"GET /good", b"Connection: Host, Content-Length, X-Forwarded-For, X-A\r\nX-A: 1\r\n"),
    "look_alikes": request(b"GET /good", b"Keep_Alive: 5\r\nForwarded: for=9.9.9.9\r\nX-Forwarded-For: 8.8.8.8\r\n"),
    "leading_zeros": request(b"POST /good", b"Content-Length: 0004\r\n", b"body"),
    "blanks_in_extensions": request(b"POST /good", CHUNKED, b"4 ; a = b\r\nbody\r\n" + LAST),
    "upgrade_to_h2c": request(b"GET /good", b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_accepted_is_forwarded_in_one_form_only(hostile, name):
    with hostile.connect() as client:
        client.send(ACCEPTED[name] + request(b"GET /behind"))
        assert client.read_message().endswith(b"\r\n\r\nseen /good\n")
        assert client.read_message().endswith(b"\r\n\r\nseen /behind\n")
    seen = next(r for r in hostile.origin.requests if r.target == b"/good")
    assert seen.values(b"Host") == [b"shop.example"]
    names = {name.lower() for name, _ in seen.fields}
    assert not names & {b"connection", b"upgrade", b"http2-settings", b"x-a", b"keep_alive", b"forwarded", b"te"}
    claimed = b"8.8.8.8, " if name == "look_alikes" else b""
    assert seen.values(b"X-Forwarded-For") == [claimed + WAN.address(CLIENT_HOST, 4).encode()]


def test_a_request_cut_at_every_byte_is_never_taken_for_a_whole_one(hostile):
    whole = request(b"POST /cut", b"Content-Length: 20\r\n", b"b" * 20)
    chunked = request(b"POST /cut", CHUNKED, b"a\r\n0123456789\r\n0\r\nT: x\r\n\r\n")
    for text in (whole, chunked):
        for size in range(len(text)):
            with hostile.connect() as client:
                client.send(text[:size])
                client.reset() if size % 2 else client.socket.close()
    hostile.until_quiet()
    assert b"/cut" not in hostile.origin.targets()


def test_a_half_closed_client_gets_what_it_asked_for(hostile):
    whole = request(b"GET /half")
    for text, answers in ((b"", 0), (b"G", 0), (whole, 1), (whole * 20, 20), (whole[:-2], 0), (whole + whole[:-2], 1),
                          (request(b"POST /half", b"Content-Length: 9\r\n", b"abc"), 0)):
        with hostile.connect() as client:
            client.send(text)
            client.finish()
            answer = client.read_to_end(HANG)
            assert answer is not None and answer.count(b"\r\n\r\nseen /half\n") == answers, (text, answer)


def trickle(clients, pieces, pause=0.2):
    """Sends each client a piece, again and again, until all are closed or the pieces are used up."""
    for piece in pieces:
        for client in clients:
            client.send(piece)
        time.sleep(pause)


def test_heads_that_never_end_are_ended(hostile):
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(hostile.connect()) for _ in range(300)]
        began = time.monotonic()
        trickle(slow, [b"GET /slow HTTP/1.1\r\n"] + [b"X: a\r\n"] * 14)
        answers = [client.read_to_end(HANG) for client in slow]
        assert time.monotonic() - began < HANG + 4
    assert None not in answers
    assert all(answer == b"" or status(answer) == 408 for answer in answers), set(answers)
    assert sum(status(answer) == 408 for answer in answers) > 250
    hostile.until_quiet()
    assert b"/slow" not in hostile.origin.targets()


def test_bodies_that_never_come_are_ended(hostile):
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(hostile.connect()) for _ in range(100)]
        for number, client in enumerate(slow):
            client.send(request(b"POST /slow", b"Content-Length: 1000\r\n" if number % 2 else CHUNKED, b"3\r\nab"))
        answers = [client.read_to_end(HANG) for client in slow]
    assert None not in answers
    assert {status(answer) for answer in answers} == {408}
    hostile.until_quiet()
    assert b"/slow" not in hostile.origin.targets()


def test_clients_that_do_not_read_are_ended_and_cost_a_buffer_each(hostile):
    body = b"x" * (16 << 20)
    hostile.origin.answer("/big", b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    before = hostile.memory_kb()
    with contextlib.ExitStack() as stack:
        deaf = [stack.enter_context(hostile.connect()) for _ in range(30)]
        for client in deaf:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.send(request(b"GET /big"))
        until(lambda: len(hostile.logged(30, 20, path="/big")) >= 30, 30, "all were given up")
        grown = hostile.memory_kb() - before
    assert grown < (BUFFERS_MB + 8) << 10, f"{grown} KB for 30 clients"
    assert {line["reason"] for line in hostile.logged(30, path="/big")} <= {"client_stalled", "client_closed"}
    hostile.until_quiet()


def test_endless_heads_are_cut_off(hostile):
    before = hostile.memory_kb()
    for start, more in ((b"GET /", b"a" * 65536), (b"GET / HTTP/1.1\r\n", b"X: " + b"a" * 1000 + b"\r\n"), (b"", b"\r\n" * 500)):
        with hostile.connect() as client:
            client.send(start)
            sent = 0
            while sent < 50 << 20 and client.send(more):
                sent += len(more)
            answer = client.read_to_end(HANG)
            assert answer is not None and (answer == b"" or status(answer) in (400, 408, 414, 431)), answer
            assert sent < 20 << 20, "it went on listening"
    assert hostile.memory_kb() - before < 4096


def test_garbage_before_tls_ends_the_connection(hostile):
    rng = random.Random(2)
    hello = bytes.fromhex("160301007a010000760303") + b"\x11" * 114
    pieces = [request(b"GET /plain"), b"", b"\0" * 100, b"\x80\x2e\x01\0\x02", b"\x15\x03\x01\0\x02\x02\x28", b"\x16\x03\x01\xff\xff" + b"a" * 70_000,
              b"\x16\x03\x01\0\0" * 5000, b"\x18\x03\x03\0\x03\x01\xff\xff", hello, hello * 40, b"SSH-2.0-x\r\n", rng.randbytes(5000)]
    pieces += [hello[:size] for size in range(0, len(hello), 7)]
    for piece in pieces:
        with hostile.connect(TLS_PORT) as client:
            client.send(piece)
            client.finish()
            assert client.read_to_end(HANG) is not None, piece[:40]
    answer = hostile.ask(request(b"GET /plain"), TLS_PORT)
    assert status(answer) == 400 and b"not_tls" in answer
    assert b"/plain" not in hostile.origin.targets()
    hostile.until_quiet()


def test_handshakes_that_never_end_are_ended(hostile):
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(hostile.connect(TLS_PORT)) for _ in range(200)]
        trickle(silent, [b"\x16", b"\x03", b"\x01", b"\x01", b"\x00", b"\x01"])
        assert None not in [client.read_to_end(HANG) for client in silent]
    hostile.until_quiet()
    assert hostile.logged(200, reason="timeout", service="secure")


def test_tls_may_be_cut_anywhere(hostile):
    """A real client's bytes through a relay that flips one of them or stops."""
    for spoil_at in (0, 1, 5, 60, 200, 600, 700, 900):
        for flip in (True, False):
            with hostile.connect(TLS_PORT) as client:
                here, there = socket.socketpair()
                curl = threading.Thread(target=handshake, args=(there, hostile.authority.certificate))
                curl.start()
                relay_spoiled(here, client, spoil_at, flip)
                here.close()
                curl.join(10)
                client.finish()
                assert client.read_to_end(HANG) is not None, (spoil_at, flip)
    hostile.until_quiet()
    assert b"/tls" not in hostile.origin.targets()


def handshake(stream, authority):
    context = ssl.create_default_context(cafile=authority)
    stream.settimeout(5)
    with contextlib.suppress(OSError), context.wrap_socket(stream, server_hostname="shop.example") as secure:
        secure.sendall(request(b"GET /tls")[:-1])
        secure.recv(1000)
    stream.close()


def relay_spoiled(here, client, spoil_at, flip):
    """Client's bytes go through until `spoil_at`, whose byte is flipped or the last; the server's all go back."""
    here.settimeout(0.3)
    client.socket.settimeout(0.3)
    sent = 0
    for _ in range(6):
        with contextlib.suppress(OSError):
            data = here.recv(65536)
            if sent <= spoil_at < sent + len(data):
                at = spoil_at - sent
                data = data[:at] + (bytes([data[at] ^ 0x55]) + data[at + 1:] if flip else b"")
                client.send(data)
                return
            sent += len(data)
            client.send(data)
        with contextlib.suppress(OSError):
            here.sendall(client.socket.recv(65536))


OK = b"HTTP/1.1 200 OK\r\n"
SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nSMUGGLED"
RESPONSES = {  # what a backend says, and what a client may get of it: a status, or None for an answer that breaks off
    "two_lengths": (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 502),
    "negative_length": (OK + b"Content-Length: -1\r\n\r\nab", 502),
    "huge_length": (OK + b"Content-Length: 99999999999999999999\r\n\r\nab", 502),
    "length_and_chunks": (OK + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n" + LAST, 502),
    "coding_unknown": (OK + b"Transfer-Encoding: gzip\r\n\r\nab", 502),
    "bare_lf": (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", 502),
    "folded": (OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n", 502),
    "split_by_cr": (OK + b"X: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n", 502),
    "nul": (OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n", 502),
    "no_status": (b"HTTP/1.1 OK\r\n\r\n", 502),
    "status_099": (b"HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n", 502),
    "status_999": (b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n", 502),
    "version": (b"HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n", 502),
    "icy": (b"ICY 200 OK\r\n\r\nab", 502),
    "garbage": (random.Random(3).randbytes(3000), 502),
    "giant_head": (OK + b"X: " + b"a" * 100_000 + b"\r\n\r\n", 502),
    "endless_line": (b"HTTP/1.1 200 " + b"a" * 1_000_000, 502),
    "many_fields": (OK + b"X: a\r\n" * 1000 + b"Content-Length: 0\r\n\r\n", 502),
    "upgrade_unasked": (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 502),
    "informational_flood": (b"HTTP/1.1 102 Processing\r\n\r\n" * 100_000, 502),
    "informational_with_body": (b"HTTP/1.1 103 Early Hints\r\n" + CHUNKED + b"\r\n" + LAST, 502),
    "nothing": (b"", 502),
    "half_a_head": (OK + b"Content-Le", 502),
    "truncated": (OK + b"Content-Length: 10\r\n\r\nabc", None),
    "truncated_chunk": (OK + CHUNKED + b"\r\n5\r\nabc", None),
    "chunks_without_end": (OK + CHUNKED + b"\r\n3\r\nabc\r\n", None),
    "bad_chunk_size": (OK + CHUNKED + b"\r\n3\r\nabc\r\nzz\r\nabc\r\n" + LAST, None),
    "chunk_overflow": (OK + CHUNKED + b"\r\n3\r\nabc\r\nffffffffffffffffff\r\nabc\r\n" + LAST, None),
    "bytes_behind": (OK + b"Content-Length: 3\r\n\r\nabc" + SECOND, 200),
    "bytes_behind_chunks": (OK + CHUNKED + b"\r\n3\r\nabc\r\n" + LAST + SECOND, 200),
    "body_of_204": (b"HTTP/1.1 204 No Content\r\nContent-Length: 8\r\n\r\nSMUGGLED" + SECOND, 204),
    "body_of_304": (b"HTTP/1.1 304 Not Modified\r\n\r\n" + SECOND, 304),
}


def is_whole(answer):
    """A message that says where it ends, and ends there."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"Transfer-Encoding: chunked" in head:
        return body.endswith(LAST)
    return message_size(answer) == len(answer)


@pytest.mark.parametrize("name", RESPONSES)
def test_what_a_backend_must_not_say_is_not_passed_on(hostile, name):
    text, wanted = RESPONSES[name]

    def say(connection):
        with contextlib.suppress(OSError):
            connection.sendall(text)
        return wanted in (200, 204, 304)  # those connections stay open, for what is left on them to be used wrongly
    hostile.origin.answer(f"/{name}", say)
    with hostile.connect() as client:
        client.send(request(b"GET /" + name.encode(), b"Connection: close\r\n"))
        answer = client.read_to_end(HANG)
    assert answer is not None, "a hang"
    final = answer[answer.rindex(b"HTTP/1.1 "):] if name == "informational_flood" else answer
    if wanted is None:
        assert client.was_reset or not is_whole(answer), f"a part passes for the whole: {answer!r}"
    else:
        assert status(final) == wanted, final[:300]
    assert b"SMUGGLED" not in answer
    for number in range(5):
        target = b"/after/%d" % number
        assert hostile.ask(request(b"GET " + target, b"Connection: close\r\n")).endswith(b"seen " + target + b"\n")


def test_a_silent_backend_is_given_up(hostile):
    held = threading.Event()
    hostile.origin.answer("/silent", lambda connection: held.wait(30) and False)
    answer = hostile.ask(request(b"GET /silent", b"Connection: close\r\n"))
    held.set()
    assert status(answer) == 504 and b"response_timeout" in answer


def test_a_head_that_a_backend_trickles_is_given_up(hostile):
    def say(connection):
        with contextlib.suppress(OSError):
            for byte in OK + b"X: " + b"a" * 100:
                connection.sendall(bytes([byte]))
                time.sleep(0.1)
        return False
    hostile.origin.answer("/trickle", say)
    assert status(hostile.ask(request(b"GET /trickle", b"Connection: close\r\n"))) == 504


def test_a_flood_of_half_requests_is_bounded_in_memory(hostile):
    before = hostile.memory_kb()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(hostile.connect()) for _ in range(700)]  # nearly all that the buffers allow
        for client in clients:
            client.send(b"GET /flood HTTP/1.1\r\nX: " + b"a" * 10_000)
        grown = hostile.memory_kb() - before
        answers = [client.read_to_end(HANG) for client in clients]
    assert None not in answers
    assert grown < (BUFFERS_MB + 12) << 10, f"{grown} KB"
    hostile.until_quiet()
    assert b"/flood" not in hostile.origin.targets()


def test_mutations_of_good_requests(hostile):
    """Seeded: what fails, fails again. Whatever arrives at the backend it must be able to read."""
    rng = random.Random(4)
    good = [request(b"POST /m", CHUNKED, b"5\r\nhello\r\n0\r\n\r\n"), request(b"POST /m", b"Content-Length: 5\r\nExpect: 100-continue\r\n", b"hello"),
            request(b"GET /m?x=y", b"Connection: close\r\nCookie: a=b\r\nX-Forwarded-For: 1.2.3.4\r\n")]
    alphabet = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"0", b"\xff", b"chunked", b"Content-Length: 3\r\n", CHUNKED]
    for number in range(400):
        text = b"".join(rng.choices(good, k=rng.randint(1, 3)))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice(alphabet) + text[at + rng.randint(0, 2):]
        with hostile.connect() as client:
            for piece in (text[:len(text) // 2], text[len(text) // 2:]):
                client.send(piece)
            client.finish()
            assert client.read_to_end(HANG) is not None, (number, text)
    hostile.until_quiet()
