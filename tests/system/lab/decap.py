"""The far end of a DSR tunnel: unpacks IP-in-IP in user space and hands the inner packets to its own kernel.

Raw sockets receive IPv4 and IPv6 carried in IPv4 or IPv6 (protocols 4 and 41), which also keeps the kernel from answering
"protocol unreachable". The inner packet goes into a TUN device that owns the service addresses, so the real server in
this namespace accepts it and answers the client directly, from the service address. Run as a program it is the decapsulator.
"""
import contextlib
import fcntl
import os
import select
import socket
import struct
import sys

from lab.process import Process
from lab.wait import until

DEVICE = "vip"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
IPPROTO_IPIP, IPPROTO_IPV6 = 4, 41
INNER_VERSION = {IPPROTO_IPIP: 4, IPPROTO_IPV6: 6}


class Decap:
    def __init__(self, site, backend, addresses):
        """`addresses`: the service addresses this backend answers for, of either family."""
        self.backend, self.addresses = backend, addresses
        self.process = Process(site.run, f"decap-{backend.name}",
                               backend.namespace.command(sys.executable, "-m", "lab.decap"), site.kept)

    def start(self):
        self.process.start()
        until(self._device_exists, 10, f"decapsulator of {self.backend.name} has its device")
        self.backend.namespace.ip(f"link set {DEVICE} up", *(
            f"addr add {address}/{128 if ':' in address else 32} dev {DEVICE}" for address in self.addresses))
        # The inner packet's source is reached by the lan, not by this device: no reverse path filter here.
        self.backend.namespace.sysctl({f"net.ipv4.conf.{DEVICE}.rp_filter": 0, "net.ipv4.conf.lan.arp_ignore": 1,
                                       "net.ipv4.conf.lan.arp_announce": 2})
        return self

    def received(self):
        """Inner packets handed to the kernel so far."""
        return self.backend.namespace.rx_packets(DEVICE)

    def stop(self):
        return self.process.stop()

    def _device_exists(self):
        assert self.process.alive(), f"decapsulator of {self.backend.name} ended:\n{self.process.tail()}"
        return self.backend.namespace.run("test", "-e", f"/sys/class/net/{DEVICE}", check=False).returncode == 0


def open_tun():
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def inner_packet(family, protocol, data):
    """The packet inside, or None when it is not what the outer header says. Raw IPv4 sockets show the outer header too."""
    if family == socket.AF_INET:
        data = data[(data[0] & 15) * 4:]
    return data if len(data) >= 20 and data[0] >> 4 == INNER_VERSION[protocol] else None


def serve():
    tun = open_tun()
    tunnels = {}
    for family in (socket.AF_INET, socket.AF_INET6):
        for protocol in INNER_VERSION:
            sock = socket.socket(family, socket.SOCK_RAW, protocol)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            tunnels[sock] = (family, protocol)
    while True:
        for sock in select.select(list(tunnels), [], [])[0]:
            packet = inner_packet(*tunnels[sock], sock.recv(65536))
            if packet:
                with contextlib.suppress(OSError):  # not up yet, or malformed in the kernel's eyes: a drop, as on a wire
                    os.write(tun, packet)


if __name__ == "__main__":
    serve()
