"""Bad packets are dropped, each kind with its own counted reason, and the service does not notice."""
import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from lab import packets
from lab.metrics import Page
from lab.site import CLIENT_HOST, LB_HOST, WAN
from lab.standard import WEB, Standard
from lab.wait import until

COUNT = 20  # frames of each kind


@pytest.fixture(scope="module")
def standard():
    # af_packet would never show us a fragment: its driver has the kernel put datagrams together first.
    with Standard(device="net_af_xdp", change=lambda document: document["dataplane"].update(checksums="full")) as running:
        yield running


@pytest.fixture(scope="module")
def ether(standard):
    client = standard.site.client
    return Ether(src=packets.hardware_address(client, "wan"), dst=packets.neighbour(client, WAN.address(LB_HOST, 4)))


def syn(**ip):
    return IP(src=WAN.address(CLIENT_HOST, 4), dst=WEB[4], **ip) / TCP(sport=4000, dport=80, flags="S")


def syn6():
    return IPv6(src=WAN.address(CLIENT_HOST, 6), dst=WEB[6]) / TCP(sport=4000, dport=80, flags="S")


def cut(packet, length):
    return bytes(packet)[:length]


# what is sent, and the reason its drops are counted under
KINDS = {
    "cut in the IPv4 header": (lambda e: cut(e / syn(), 14 + 12), "truncated"),
    "cut in the IPv6 header": (lambda e: cut(e / syn6(), 14 + 30), "truncated"),
    "cut in the TCP header": (lambda e: cut(e / syn(len=60), 14 + 20 + 8), "truncated"),
    "header length below 20": (lambda e: bytes(e / syn(ihl=4)), "bad_ip_header"),
    "total length beyond the frame": (lambda e: bytes(e / syn(len=1400)), "truncated"),
    "IPv4 checksum wrong": (lambda e: bytes(e / syn(chksum=0x1234)), "bad_ip_checksum"),
    "TCP checksum wrong": (lambda e: bytes(e / IP(src=WAN.address(CLIENT_HOST, 4), dst=WEB[4]) /
                                           TCP(sport=4000, dport=80, chksum=0x1234)), "bad_l4_checksum"),
    "TCP checksum wrong over IPv6": (lambda e: bytes(e / IPv6(src=WAN.address(CLIENT_HOST, 6), dst=WEB[6]) /
                                                     TCP(sport=4000, dport=80, chksum=0x1234)), "bad_l4_checksum"),
    "TCP data offset below 5": (lambda e: bytes(e / IP(src=WAN.address(CLIENT_HOST, 4), dst=WEB[4]) /
                                                TCP(sport=4000, dport=80, dataofs=3)), "bad_l4_header"),
    "UDP length wrong": (lambda e: bytes(e / IP(src=WAN.address(CLIENT_HOST, 4), dst="203.0.113.53") /
                                         UDP(sport=4000, dport=53, len=4) / Raw(b"x" * 20)), "bad_l4_header"),
    "later fragment": (lambda e: bytes(e / IP(src=WAN.address(CLIENT_HOST, 4), dst=WEB[4], frag=10, proto=6) / Raw(b"x" * 64)),
                       "fragment"),
    "source is loopback": (lambda e: bytes(e / IP(src="127.0.0.1", dst=WEB[4]) / TCP(sport=4000, dport=80)), "martian_source"),
    "source is multicast": (lambda e: bytes(e / IP(src="224.0.0.1", dst=WEB[4]) / TCP(sport=4000, dport=80)), "martian_source"),
    "source is IPv6 loopback": (lambda e: bytes(e / IPv6(src="::1", dst=WEB[6]) / TCP(sport=4000, dport=80)), "martian_source"),
    "time to live over": (lambda e: bytes(e / syn(ttl=1)), "ttl_expired"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_packet_is_dropped_with_its_reason(standard, ether, kind):
    build, reason = KINDS[kind]

    def dropped():
        return Page(standard.cardea.metrics_page()).total("cardea_drops_total", reason=reason)
    before = dropped()
    packets.send(standard.site.client, "wan", [bytes(build(ether))] * COUNT)
    until(lambda: dropped() - before >= COUNT, 3, f"{COUNT} drops are counted under {reason}")


@pytest.mark.parametrize("family", [4, 6])
def test_the_service_does_not_notice(standard, ether, family):
    for build, _ in KINDS.values():
        packets.send(standard.site.client, "wan", [bytes(build(ether))] * COUNT)
    assert standard.connect(200, address=WEB[family])["failed"] == 0
