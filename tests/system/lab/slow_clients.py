"""Clients that are slow on purpose, as one program: so many connections of each kind, each moving a byte at a time, until the
other side has ended them all. Prints one JSON object: of each kind how many were ended, and how many are left at the end.

    heads    a request's head that never ends        bodies   a body that was announced and trickles in
    readers  a large response, taken byte by byte: half of them at the first path, half at the second
"""
import argparse
import collections
import json
import selectors
import socket
import sys
import time

STEP = 0.3  # seconds from one byte to the next
LITTLE = 4096  # a reader's own buffer, so that its kernel takes no more than it does


class SlowClient:
    def __init__(self, kind, address, first):
        self.kind, self.ended = kind, False
        self.socket = socket.socket()
        if kind == "readers":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LITTLE)
        self.socket.settimeout(20)
        self.socket.connect(address)
        self.socket.sendall(first)
        self.socket.setblocking(False)

    def step(self):
        """One more byte in its direction. A reader that is reset sees that only behind what its kernel has for it: asked here."""
        if self.kind == "readers":
            return self.end() if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) else self.take(1)
        try:
            self.socket.send(b"a")
        except BlockingIOError:
            pass
        except OSError:
            self.end()

    def take(self, most=65536):
        try:
            if not self.socket.recv(most):
                self.end()
        except BlockingIOError:
            pass
        except OSError:
            self.end()

    def end(self):
        self.ended = True
        self.socket.close()  # which takes it out of the selector too


def until_all_are_ended(clients, deadline):
    """Step by step; senders whose answer or end comes in between are looked at once more then."""
    selector = selectors.DefaultSelector()
    for client in clients:
        if client.kind != "readers":
            selector.register(client.socket, selectors.EVENT_READ, client)
    while (left := [client for client in clients if not client.ended]) and time.monotonic() < deadline:
        next_step = time.monotonic() + STEP
        for client in left:
            client.step()
        while (wait := next_step - time.monotonic()) > 0:
            for key, _ in selector.select(wait):
                key.data.take()


def main():
    words = argparse.ArgumentParser()
    words.add_argument("address")
    words.add_argument("port", type=int)
    words.add_argument("--each", type=int, default=200)
    words.add_argument("--seconds", type=float, default=60)
    words.add_argument("--paths", nargs=2, required=True)
    options = words.parse_args()
    address, host = (options.address, options.port), "Host: shop.example\r\n"
    clients = []
    for n in range(options.each):
        firsts = {"heads": "GET /", "bodies": f"POST /slow HTTP/1.1\r\n{host}Content-Length: 100000\r\n\r\n",
                  "readers": f"GET {options.paths[n % 2]} HTTP/1.1\r\n{host}\r\n"}
        clients += [SlowClient(kind, address, first.encode()) for kind, first in firsts.items()]
    until_all_are_ended(clients, time.monotonic() + options.seconds)
    ended = collections.Counter(client.kind for client in clients if client.ended)
    json.dump({"ended": ended, "left": sum(not client.ended for client in clients)}, sys.stdout)


if __name__ == "__main__":
    main()
