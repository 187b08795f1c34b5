"""Our own TCP meets Linux' over a TUN device: what the kernel sends comes back whole, over IPv4 and IPv6, with losses in
both directions, and when handshakes are answered by cookies."""
import concurrent.futures
import hashlib
import os
import pathlib
import socket
import subprocess
import sys
import threading

import pytest

BIN = pathlib.Path(os.environ.get("CARDEA_BIN_DIR", "build/release")) / "bin"
ADDRESSES = {"10.9.0.2": socket.AF_INET, "fd00:9::2": socket.AF_INET6}


def echo(address, size):
    """Sends that many bytes and the end, and reads to the end of what comes back; True when it is the same."""
    data = os.urandom(size)
    with socket.socket(ADDRESSES[address]) as peer:
        peer.settimeout(60)
        peer.connect((address, 80))

        def send():
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        came = hashlib.sha256()
        while piece := peer.recv(65536):
            came.update(piece)
        sender.join()
    return came.digest() == hashlib.sha256(data).digest()


def inside(loss, handshakes, largest):
    """In a network namespace of its own: exits with an error when anything came back otherwise."""
    host = subprocess.Popen([BIN / "tun_echo", "tun0", loss, handshakes], stdout=subprocess.PIPE)
    try:
        assert host.stdout.readline() == b"ready\n"
        for words in ("addr add 10.9.0.1/24 dev tun0", "-6 addr add fd00:9::1/64 dev tun0 nodad", "link set tun0 up"):
            subprocess.run(["ip", *words.split()], check=True)
        for address in ADDRESSES:
            for size in (0, 1, 1000, 100_000, int(largest)):
                assert echo(address, size), f"{size} bytes by {address} came back otherwise"
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            assert all(pool.map(echo, list(ADDRESSES) * 20, [200_000] * 40))
        assert host.poll() is None
    finally:
        host.kill()
        host.wait()


@pytest.mark.parametrize("loss,handshakes,largest", [
    ("0", "remembered", "30000000"), ("10", "remembered", "10000000"), ("50", "remembered", "500000"), ("0", "cookies", "5000000"),
], ids=["whole", "one_loss_in_100", "one_loss_in_20", "cookies"])
def test_what_linux_sends_comes_back(loss, handshakes, largest):
    subprocess.run(["unshare", "-n", sys.executable, "-B", __file__, loss, handshakes, largest], check=True, timeout=200)


if __name__ == "__main__":
    inside(*sys.argv[1:])
