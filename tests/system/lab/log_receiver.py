"""Who takes an access log's datagrams, as rsyslog would: over UDP, or by a Unix socket. Each becomes a line of a file. Run as a program
it is the receiver itself."""
import os
import socket
import sys

from lab.process import Process
from lab.wait import until


class LogReceiver:
    """`where`: a UDP port of the namespace, or a path."""

    def __init__(self, site, namespace, name, where):
        self.file = site.run.logs / f"{name}.received"
        self.process = Process(site.run, name, namespace.command(sys.executable, "-m", "lab.log_receiver", where, self.file), site.kept)

    def start(self):
        self.file.unlink(missing_ok=True)
        self.process.start()
        until(self.file.exists, 10, f"{self.file} is there")
        return self

    def stop(self):
        return self.process.stop()

    def lines(self):
        return [line for line in self.file.read_text().splitlines() if line]

    def until_line(self, text, seconds=10):
        """The first line with that text, waited for."""
        return until(lambda: next((line for line in self.lines() if text in line), None), seconds, f"{text} has arrived in {self.file}")


def bound(where):
    if where.isdigit():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("0.0.0.0", int(where)))
        return sock
    if os.path.exists(where):
        os.unlink(where)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(where)
    return sock


def receive(where, path):
    sock = bound(where)
    with open(path, "ab", buffering=0) as file:
        while True:
            file.write(sock.recv(1 << 16) + b"\n")


if __name__ == "__main__":
    receive(sys.argv[1], sys.argv[2])
