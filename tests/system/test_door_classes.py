"""A flood of what nobody asked for: the kernel gets so much of it a second, what is beyond is counted, and the host is
reached all the while."""
import socket
import time

import pytest

from lab import packets
from lab.metrics import Page
from lab.raw_socket import socket_in
from lab.site import LB_HOST, WAN
from lab.standard import Standard

RATE = 100  # packets a second of strangers; the host saves up a tenth of it
FLOOD = 20_000
HOST = WAN.address(LB_HOST, 4)
PORT = 2222  # where a program of the host listens that must be reached


@pytest.fixture(scope="module")
def standard(device):
    def door(document):
        document["dataplane"]["door"] = {"rate": RATE, "ports": [PORT]}
    with Standard(device=device, backends=1, families=(4,), change=door) as running:
        yield running


def drops(standard, reason):
    return Page(standard.cardea.metrics_page()).total("cardea_drops_total", reason=reason)


def datagrams_for_nobody(standard):
    """That reached the host's kernel."""
    return int(standard.site.lb.run("nstat", "-asz", "UdpNoPorts").stdout.split()[-2])


def flood(standard, datagrams):
    with socket_in(standard.site.client, kind=socket.SOCK_DGRAM) as sender:
        for _ in range(datagrams):
            sender.sendto(b"stray", (HOST, 9999))


def test_strangers_get_their_share_and_the_rest_is_counted(standard):
    before, dropped, started = datagrams_for_nobody(standard), drops(standard, "door_rest_full"), time.monotonic()
    flood(standard, FLOOD)
    reached, took = datagrams_for_nobody(standard) - before, time.monotonic() - started
    assert 0 < reached <= RATE / 10 + RATE * took + 1
    assert drops(standard, "door_rest_full") > dropped


def test_the_host_is_reached_while_it_is_flooded(standard):
    with socket_in(standard.site.lb) as listener:
        listener.bind((HOST, PORT))
        listener.listen(20)
        for _ in range(20):
            flood(standard, 2000)  # more than the queue of strangers holds
            with socket_in(standard.site.client) as caller:
                caller.settimeout(10)
                caller.connect((HOST, PORT))
                accepted, _ = listener.accept()
                flood(standard, 500)
                accepted.sendall(b"hello")
                assert caller.recv(5) == b"hello"
                accepted.close()
    assert standard.site.client.run("ping", "-c", "2", "-i", "0.2", "-W", "5", HOST, check=False).returncode == 0
    standard.site.client.ip("neigh flush dev wan")
    assert packets.neighbour(standard.site.client, HOST) == packets.hardware_address(standard.site.lb, "wan")


def test_the_hosts_own_connections_are_answered_while_it_is_flooded(standard):
    flood(standard, 3000)
    url = f"http://{standard.backend_address('b1')}/"
    for _ in range(5):
        flood(standard, 500)
        assert standard.site.lb.run("curl", "-sS", "--max-time", "10", url).stdout == "b1\n"
