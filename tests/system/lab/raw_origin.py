"""A backend that judges what it is sent, and answers what a test tells it to.

It reads requests as strictly as HTTP can be read and keeps each: a proxy must send nothing else, whatever its clients do.
What it cannot read is kept as a complaint. Runs in the test's process, on sockets of the backend's namespace.
"""
import dataclasses
import re
import socket
import threading

from lab.raw_socket import socket_in

REQUEST_LINE = re.compile(rb"[A-Z!#$%&'*+.^_`|~0-9a-z-]+ [!-~]+ HTTP/1\.1")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)")


@dataclasses.dataclass
class Seen:
    line: bytes
    fields: list
    body: bytes

    @property
    def target(self):
        return self.line.split(b" ")[1]

    def values(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]


class Ended(Exception):
    pass


class Reader:
    """A connection's bytes, taken piece by piece."""

    def __init__(self, connection):
        self.connection, self.data = connection, b""

    def more(self):
        data = self.connection.recv(1 << 18)
        if not data:
            raise Ended
        self.data += data

    def until(self, mark, at_most=1 << 20):
        while mark not in self.data:
            assert len(self.data) < at_most, f"no {mark!r} in {at_most} bytes"
            self.more()
        taken, _, self.data = self.data.partition(mark)
        return taken

    def take(self, size):
        while len(self.data) < size:
            self.more()
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def request(self):
        line, *rest = self.until(b"\r\n\r\n").split(b"\r\n")
        assert REQUEST_LINE.fullmatch(line), f"request line {line!r}"
        fields = []
        for text in rest:
            match = FIELD.fullmatch(text)
            assert match, f"field {text!r}"
            fields.append((match[1], match[2]))
        seen = Seen(line, fields, b"")
        lengths, codings = seen.values(b"Content-Length"), seen.values(b"Transfer-Encoding")
        assert len(seen.values(b"Host")) == 1 and len(lengths) + len(codings) <= 1, f"framing of {rest!r}"
        if lengths:
            assert re.fullmatch(rb"0|[1-9][0-9]*", lengths[0]), f"length {lengths[0]!r}"
            seen.body = self.take(int(lengths[0]))
        elif codings:
            assert codings == [b"chunked"], f"coding {codings!r}"
            seen.body = b"".join(iter(self.chunk, b""))
        return seen

    def chunk(self):
        line = self.until(b"\r\n")
        assert re.fullmatch(rb"[0-9a-f]{1,16}", line), f"chunk {line!r}"
        data = self.take(int(line, 16))
        assert self.take(2) == b"\r\n", "the end of a chunk"
        return data


class RawOrigin:
    def __init__(self, backend, port):
        self.requests, self.complaints, self.answers = [], [], {}
        self.listener = socket_in(backend.namespace)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("0.0.0.0", port))
        self.listener.listen(4096)
        threading.Thread(target=self._accept, daemon=True).start()

    def answer(self, path, data):
        """`data`: bytes, or a function of the connection that returns whether the connection goes on."""
        self.answers[path.encode()] = data

    def targets(self):
        return [seen.target for seen in list(self.requests)]

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        reader = Reader(connection)
        with connection:
            try:
                while self._serve_one(reader):
                    pass
            except (Ended, OSError):
                return
            except AssertionError as what:
                self.complaints.append(str(what))

    def _serve_one(self, reader):
        seen = reader.request()
        if seen.target != b"/health":
            self.requests.append(seen)
        answer = self.answers.get(seen.target.split(b"?")[0])
        if callable(answer):
            return answer(reader.connection)
        body = b"seen " + seen.target + b"\n"
        reader.connection.sendall(answer or b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        return True
