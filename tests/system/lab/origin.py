"""A backend that does what nginx cannot be told to: it shows what it was sent, takes its time, breaks off, sends and swallows
bodies of any size in constant memory. Run as a program it is the server itself.

    GET  /echo, /api  the request's head as JSON      GET /wait/SECONDS   an answer after that time
    GET  /bytes/N     N bytes, always the same        GET /status/CODE    that status; with ?at=NAME 200 by other backends
    any  /sink        reads the body: its length and SHA-256 as JSON
    any  /trailers    reads the body: what followed it as JSON, in chunks, with a trailer of its own
    GET  /socket      a WebSocket that gives back what it is sent
    GET  /break       half an answer, then the end    any /quit           the end instead of an answer
    GET  /cache/WORD?cache-control=…&size=N&type=TYPE   an answer with that header, of that size and type
    GET  /events      an event stream, one event in a tenth of a second, until the client leaves
"""
import base64
import hashlib
import http.server
import itertools
import json
import socket
import socketserver
import sys
import time
import urllib.parse

from lab.process import Process
from lab.wait import until

PORT = 9000
BLOCK = hashlib.shake_128(b"a block of a large body").digest(1 << 20)


def blocks(size):
    """`size` bytes in pieces; no two pieces alike."""
    for number in range((size + len(BLOCK) - 1) // len(BLOCK)):
        yield (number.to_bytes(8, "big") + BLOCK[8:])[:size - number * len(BLOCK)]


def sha256_of_bytes(size):
    digest = hashlib.sha256()
    for block in blocks(size):
        digest.update(block)
    return digest.hexdigest()


class Origin:
    module = "lab.origin"

    def __init__(self, site, backend, port=PORT):
        self.backend, self.port = backend, port
        self.process = Process(site.run, f"{self.module}-{backend.name}-{port}", backend.namespace.command(
            sys.executable, "-m", self.module, backend.name, port), site.kept)

    def start(self):
        self.process.start()
        until(self.listens, 10, f"the origin of {self.backend.name} listens")
        return self

    def listens(self):
        assert self.process.alive(), f"the origin of {self.backend.name} ended:\n{self.process.tail()}"
        return self.backend.namespace.run("ss", "-Htln", "sport", "=", f":{self.port}").stdout.strip()

    def read(self, path):
        """What it answers, not by way of the product."""
        return self.backend.namespace.run("curl", "-sS", "--max-time", "5", f"http://{self.backend.address(4)}:{self.port}{path}").stdout

    def kill(self):
        self.process.kill()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    backend_name = ""
    trailers = ()  # of the last chunked body

    def respond(self, status=200, body=b"", headers=()):
        self.send_response(status)
        for name, value in (("X-Backend", self.backend_name), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def respond_json(self, value):
        self.respond(200, json.dumps(value).encode(), [("Content-Type", "application/json")])

    def handle_any(self):
        url = urllib.parse.urlsplit(self.path)
        word, _, rest = url.path.strip("/").partition("/")
        getattr(self, "on_" + word, self.on_unknown)(rest, dict(urllib.parse.parse_qsl(url.query)))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any  # noqa: N815 (the base class asks for these names)

    def on_health(self, _, __):
        self.respond(200, b"ok")

    def on_echo(self, _, __):
        self.respond_json({"backend": self.backend_name, "method": self.command, "target": self.path,
                           "headers": [[name.lower(), value] for name, value in self.headers.items()]})

    on_api = on_echo

    def on_wait(self, seconds, _):
        time.sleep(float(seconds))
        self.respond(200, f"{self.backend_name} waited\n".encode())

    def on_quit(self, _, __):
        self.close_connection = True

    def on_status(self, code, query):
        self.respond(int(code) if query.get("at", self.backend_name) == self.backend_name else 200, f"{code}\n".encode())

    def on_break(self, _, __):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"x" * 500)
        self.close_connection = True

    def on_cache(self, word, query):
        body = f"{self.backend_name} {word} {time.time_ns()}\n".encode().ljust(int(query.get("size", 0)), b".")
        kind = [("Content-Type", query["type"])] if "type" in query else []
        self.respond(200, body, [("Cache-Control", query.get("cache-control", "max-age=60")), *kind])

    def on_events(self, _, __):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in itertools.count():
            self.wfile.write(f"data: {number}\n\n".encode())
            time.sleep(0.1)

    def on_bytes(self, size, _):
        self.send_response(200)
        self.send_header("Content-Length", size)
        self.end_headers()
        for block in blocks(int(size)):
            self.wfile.write(block)

    def on_sink(self, _, __):
        digest, length = hashlib.sha256(), 0
        for piece in self.body():
            digest.update(piece)
            length += len(piece)
        self.respond_json({"length": length, "sha256": digest.hexdigest()})

    def on_trailers(self, _, __):
        for _ in self.body():
            pass
        body = json.dumps({"te": self.headers.get("te"), "trailers": self.trailers}).encode()
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n0\r\nX-Sum: %d\r\n\r\n" % (len(body), body, len(body)))

    def on_socket(self, _, __):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        for name, value in (("Connection", "Upgrade"), ("Upgrade", "websocket"), ("X-Backend", self.backend_name),
                            ("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())):
            self.send_header(name, value)
        self.end_headers()
        while piece := self.connection.recv(1 << 16):
            self.connection.sendall(piece)
        self.close_connection = True

    def on_unknown(self, _, __):
        self.respond(404, b"unknown\n")

    def body(self):
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            yield from self.chunks()
            return
        left = int(self.headers.get("content-length", 0))
        while left:
            piece = self.rfile.read(min(left, 1 << 18))
            if not piece:
                raise ConnectionError("the body ended early")
            left -= len(piece)
            yield piece

    def chunks(self):
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.trailers = []
        while line := self.rfile.readline().strip():
            self.trailers.append(line.decode())

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # a peer that left is no mistake of ours
            super().handle_error(request, client_address)


def serve(name, port):
    Handler.backend_name = name
    with Server(("0.0.0.0", port), Handler) as server:
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
