"""A backend that gets copies of requests and remembers them. Run as a program it is the server itself.

    any  /copied       every request so far, as JSON: method, target, headers by lower-case name, the body's length and SHA-256
    any  /open         those that wait go on
    any  path?copies=W is remembered, with its body; W: `wait` hears nothing before /open, `quit` gets the end instead of an answer,
                       `large` is answered with a megabyte, all else with 500 and a header that no client is to see
"""
import hashlib
import json
import sys
import threading
import urllib.parse

from lab import origin

PORT = 9002


class Copies(origin.Origin):
    module = "lab.copies"

    def __init__(self, site, backend):
        super().__init__(site, backend, PORT)

    def of(self, path):
        """Those for this path, whatever their query."""
        return [copy for copy in json.loads(self.read("/copied")) if copy["target"].partition("?")[0] == path]

    def open(self):
        self.read("/open")


class Handler(origin.Handler):
    copies, lock, gate = [], threading.Lock(), threading.Event()

    def handle_any(self):
        url = urllib.parse.urlsplit(self.path)
        special = {"/copied": self.tell, "/open": self.let_go, "/health": lambda: self.respond(200, b"ok")}.get(url.path)
        special() if special else self.remember(dict(urllib.parse.parse_qsl(url.query)).get("copies", ""))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any  # noqa: N815 (the base class asks for these names)

    def tell(self):
        with self.lock:
            self.respond_json(self.copies)

    def let_go(self):
        self.gate.set()
        self.respond()

    def remember(self, word):
        body = b"".join(self.body())
        with self.lock:
            self.copies.append({"method": self.command, "target": self.path, "length": len(body), "sha256": hashlib.sha256(body).hexdigest(),
                                "headers": {name.lower(): value for name, value in self.headers.items()}})
        if word == "wait":
            self.gate.wait(60)
        if word == "quit":
            self.close_connection = True
        else:
            self.respond(500, b"x" * (1 << 20) if word == "large" else b"of the copy", [("X-Of-The-Copy", "yes")])


if __name__ == "__main__":
    Handler.backend_name = sys.argv[1]
    origin.Server(("0.0.0.0", int(sys.argv[2])), Handler).serve_forever()
