"""A well-behaved client beside whatever else a test does: how often it was served, how long it waited at most, and what went
wrong."""
import threading
import time

from lab.raw_socket import Raw


class Witness(threading.Thread):
    """Asks a RawOrigin behind `address` and `port`, which tells what it was asked for."""

    def __init__(self, site, address, port):
        super().__init__(daemon=True)
        self.site, self.address, self.port = site, address, port
        self.ending, self.served, self.slowest, self.wrong = threading.Event(), 0, 0.0, []

    def run(self):
        while not self.ending.is_set():
            try:
                with Raw(self.site.client, self.address, self.port) as client:
                    self.ask(client)
            except Exception as what:  # noqa: BLE001 (whatever it was, the test has to know)
                self.wrong.append(repr(what))
                return

    def ask(self, client):
        for _ in range(50):
            target, began = b"/witness/%d" % self.served, time.monotonic()
            client.send(b"GET " + target + b" HTTP/1.1\r\nHost: shop.example\r\n\r\n")
            answer = client.read_message()
            self.slowest = max(self.slowest, time.monotonic() - began)
            if not answer.endswith(b"\r\n\r\nseen " + target + b"\n"):
                self.wrong.append(answer)
            self.served += 1
            if self.ending.wait(0.01):
                return

    def end(self):
        self.ending.set()
        self.join(20)
