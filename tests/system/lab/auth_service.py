"""A service that says who may pass, as oauth2-proxy and its kin do. Run as a program it is the server itself.

    GET /verify    by the cookie `session`: user-NAME may pass, as NAME; renew-NAME too, with a new cookie; none is sent to log in;
                   banned-… may not; broken-… gets a 500; wait-NAME hears nothing before /open/NAME; by Basic credentials too
    GET /asked     every question so far, as JSON: its headers by lower-case name
    GET /open/NAME
"""
import http.server
import http.cookies
import json
import sys
import threading

from lab.origin import Origin, Server

PORT = 9001


class AuthService(Origin):
    module = "lab.auth_service"

    def __init__(self, site, backend):
        super().__init__(site, backend, PORT)

    def asked(self, session):
        return [headers for headers in json.loads(self.read("/asked")) if f"session={session}" in headers.get("cookie", "")]

    def open(self, name):
        self.read(f"/open/{name}")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    questions, gates, lock = [], {}, threading.Lock()

    def respond(self, status, body="", *headers):
        self.send_response(status)
        for name, value in (("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def gate(self, name):
        with self.lock:
            return self.gates.setdefault(name, threading.Event())

    def verify(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.lock:
            self.questions.append({**headers, "method": self.command, "path": self.path})
        cookie = http.cookies.SimpleCookie(headers.get("cookie", "")).get("session")
        kind, _, name = (cookie.value if cookie else "").partition("-")
        if kind == "wait":
            self.gate(name).wait(60)
        if kind in ("user", "wait") or headers.get("authorization") == "Basic YW5uOmFubg==":
            self.respond(200, "welcome", ("X-Auth-User", name or "ann"), ("X-Auth-Groups", "staff"), ("X-Secret", "s"))
        elif kind == "renew":
            self.respond(204, "", ("X-Auth-User", name), ("Set-Cookie", f"session=user-{name}; Path=/; HttpOnly"))
        elif kind == "banned":
            self.respond(403, "<p>not you</p>", ("Content-Type", "text/html"))
        elif kind == "broken":
            self.respond(500, "a stack trace")
        elif headers.get("accept", "").startswith("application/json"):
            self.respond(401, "", ("WWW-Authenticate", 'Basic realm="lab"'))
        else:
            self.respond(302, "", ("Location", "https://login.example/?rd=" + headers["x-forwarded-uri"]), ("Set-Cookie", "csrf=1; Path=/"))

    def do_GET(self):  # noqa: N802 (the base class asks for this name)
        word, _, rest = self.path.strip("/").partition("/")
        if word.startswith("verify"):
            self.verify()
        elif word == "asked":
            with self.lock:
                self.respond(200, json.dumps(self.questions))
        elif word == "open":
            self.gate(rest).set()
            self.respond(200)
        else:
            self.respond(200 if word == "health" else 404)

    def log_message(self, *words):
        pass


if __name__ == "__main__":
    Server(("0.0.0.0", int(sys.argv[2])), Handler).serve_forever()
