"""Packets made by hand, sent from the client's end of the wire: what no well-behaved client would send."""
import sys

from lab.namespace import run

SENDER = """
import socket, sys, time
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind((sys.argv[1], 0))
for line in sys.stdin:
    sock.send(bytes.fromhex(line))
"""


def send(namespace, interface, frames):
    """Puts whole Ethernet frames (bytes) on an interface, in order."""
    run(namespace.command(sys.executable, "-c", SENDER, interface), stdin="".join(f.hex() + "\n" for f in frames), timeout=120)


def hardware_address(namespace, interface):
    return namespace.run("cat", f"/sys/class/net/{interface}/address").stdout.strip()


def neighbour(namespace, address):
    """The hardware address the namespace's kernel has found for a neighbour, after asking it by a ping."""
    namespace.run("ping", "-c", "1", "-W", "2", address, check=False)
    words = namespace.run("ip", "neighbour", "show", "to", address).stdout.split()
    return words[words.index("lladdr") + 1]
