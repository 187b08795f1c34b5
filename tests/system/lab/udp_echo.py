"""A UDP server as a backend: it answers each datagram with `NAME SOURCE-ADDRESS SOURCE-PORT` and what it was sent, so the
sender learns who answered and which source that one saw. Run as a program it is the server itself."""
import select
import socket
import struct
import sys

from lab.process import Process
from lab.wait import until


class UdpEcho:
    def __init__(self, site, backend, port=53):
        self.backend, self.port = backend, port
        self.process = Process(site.run, f"udp-{backend.name}", backend.namespace.command(
            sys.executable, "-m", "lab.udp_echo", backend.name, port), site.kept)

    def start(self):
        self.process.start()
        until(self.listens, 10, f"UDP server of {self.backend.name} listens")
        return self

    def listens(self):
        assert self.process.alive(), f"UDP server of {self.backend.name} ended:\n{self.process.tail()}"
        listing = self.backend.namespace.run("ss", "-Huln", "sport", "=", f":{self.port}").stdout
        return len(listing.splitlines()) == 2

    def stop(self):
        return self.process.stop()

    def kill(self):
        self.process.kill()


IPV6_PKTINFO = getattr(socket, "IPV6_PKTINFO", 50)
IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)


def bound(family, port):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
    sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
    return sock


def same_address(ancillary):
    """What arrived at a service address (DSR) must be answered from it: the address the kernel noted goes back as source."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            _, _, destination = struct.unpack("=I4s4s", data[:12])
            return [(level, kind, struct.pack("=I4s4s", 0, destination, bytes(4)))]
        if (level, kind) == (socket.IPPROTO_IPV6, IPV6_PKTINFO):
            return [(level, kind, data[:16] + struct.pack("=I", 0))]
    return []


def serve(name, port):
    sockets = [bound(socket.AF_INET, port), bound(socket.AF_INET6, port)]
    while True:
        for sock in select.select(sockets, [], [])[0]:
            data, ancillary, _, source = sock.recvmsg(65536, 256)
            answer = f"{name} {source[0]} {source[1]} ".encode() + data
            sock.sendmsg([answer], same_address(ancillary), 0, source)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
