"""Sockets of a namespace in the test's own process, for tests that decide about every byte."""
import ctypes
import os
import select
import socket
import threading
import time

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def socket_in(namespace, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    """A socket stays where it was made, so a thread goes there to make it and ends."""
    made = []

    def make():
        entrance = os.open(f"/run/netns/{namespace.name}", os.O_RDONLY)
        try:
            if LIBC.setns(entrance, CLONE_NEWNET) == 0:
                made.append(socket.socket(family, kind))
        finally:
            os.close(entrance)
    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    assert made, f"cannot enter {namespace.name}: {os.strerror(ctypes.get_errno())}"
    return made[0]


class Raw:
    """A client's connection. What it sends is sent as it is; what came is in `got`."""

    def __init__(self, namespace, address, port, timeout=10):
        self.socket = socket_in(namespace)
        self.socket.settimeout(timeout)
        self.socket.connect((address, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got = b""
        self.was_reset = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """As much as the other side takes before it closes. False: it closed."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def finish(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def read_to_end(self, seconds):
        """Everything until the other side ends the connection; None when it did not in that time: a hang."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 18)
            except TimeoutError:
                return None
            except ConnectionResetError:
                self.was_reset = True
                return self.got
            if not data:
                return self.got
            self.got += data
        return None

    def read_message(self, seconds=10):
        """One response with a Content-Length, or what came before the end."""
        deadline = time.monotonic() + seconds
        while (size := message_size(self.got)) is None:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            data = self.socket.recv(1 << 18)
            if not data:
                break
            self.got += data
        size = size or len(self.got)
        message, self.got = self.got[:size], self.got[size:]
        return message

    def has_come(self):
        """Something can be read, or the end."""
        return bool(select.select([self.socket], [], [], 0)[0])


def message_size(data):
    head, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        return None
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and len(data) >= len(head) + 4 + int(value):
            return len(head) + 4 + int(value)
    return None


def status(data):
    """Of the response these bytes begin with; 0 when it is none."""
    words = data.split(b" ", 2)
    return int(words[1]) if len(words) == 3 and words[0] == b"HTTP/1.1" and words[1].isdigit() else 0
