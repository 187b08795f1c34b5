"""The lab itself, before it judges the product: with the kernel's routing in the appliance's place, everything that a test
relies on must work, and everything must be gone afterwards."""
import subprocess
import sys
import time

import pytest

from lab import run_dir
from lab.decap import Decap
from lab.load import Load
from lab.nginx import Nginx
from lab.process import Process
from lab.site import LAN, LB_HOST, SERVICES, WAN, Site
from lab.udp_echo import UdpEcho
from lab.wait import until

SERVICE = {4: SERVICES.address(10, 4), 6: SERVICES.address(10, 6)}

# What the appliance's ipip does, at its simplest: packets routed to a TUN leave as IP-in-IP to one backend.
ENCAPSULATE = """
import os, socket, sys
from lab import decap
outer = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
tun = decap.open_tun()
senders = {4: socket.socket(outer, socket.SOCK_RAW, 4), 6: socket.socket(outer, socket.SOCK_RAW, 41)}
while True:
    packet = os.read(tun, 65536)
    senders[packet[0] >> 4].sendto(packet, (sys.argv[1], 0))
"""


def route_by_kernel(site):
    """Gives the lb's ends back to the kernel and lets it forward."""
    settings = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
    for nic in ("nic-wan", "nic-lan"):
        settings |= {f"net.ipv6.conf.{nic}.disable_ipv6": 0, f"net.ipv4.conf.{nic}.rp_filter": 0,
                     f"net.ipv4.conf.{nic}.arp_ignore": 0}
    site.lb.sysctl(settings)
    lines = []
    for nic, network in (("nic-wan", WAN), ("nic-lan", LAN)):
        lines += [f"link set {nic} arp on", f"addr add {network.with_length(LB_HOST, 4)} dev {nic}",
                  f"addr add {network.with_length(LB_HOST, 6)} dev {nic} nodad"]
    site.lb.ip(*lines)


def tunnel(site, backend, outer_family):
    """Sends the services' packets to a backend through a tunnel of this outer family."""
    process = Process(site.run, f"tunnel{outer_family}", site.lb.command(
        sys.executable, "-c", ENCAPSULATE, backend.address(outer_family))).start()
    until(lambda: "vip" in site.lb.run("ip", "link").stdout, 5, "the tunnel's device exists")
    site.lb.ip("link set vip up", f"route replace {SERVICES.prefix(4)} dev vip", f"route replace {SERVICES.prefix(6)} dev vip")
    return process


@pytest.fixture(scope="module")
def routed():
    with Site(backends=2) as site:
        route_by_kernel(site)
        site.nginx = [Nginx(site, b).start() for b in site.backends]
        site.echo = [UdpEcho(site, b).start() for b in site.backends]
        yield site


@pytest.mark.parametrize("family", [4, 6])
def test_a_backend_answers_through_the_lb(routed, family):
    address = routed.backends[0].address(family)
    routed.client.ip(f"route add {address} via {WAN.address(LB_HOST, family)}")
    result = Load(routed, "connect", "connect", address, 80, "--connections", 300).start().finish()
    assert result["backends"] == {"b1": 300} and result["failed"] == 0
    result = Load(routed, "udp", "udp", address, 53, "--datagrams", 50).start().finish()
    assert result["backends"] == {"b1": 50} and result["sources"] == [WAN.address(10, family)]


@pytest.mark.parametrize("outer", [4, 6])
def test_a_dsr_backend_unpacks_and_answers_directly(routed, outer):
    decap = Decap(routed, routed.backends[1], SERVICE.values()).start()
    process = tunnel(routed, routed.backends[1], outer)
    try:
        for address in SERVICE.values():
            direct = routed.client.rx_packets("direct")
            result = Load(routed, "dsr", "connect", address, 80, "--connections", 100).start().finish()
            assert result["backends"] == {"b2": 100} and result["failed"] == 0
            result = Load(routed, "dsr", "udp", address, 53, "--datagrams", 50).start().finish()
            assert result["backends"] == {"b2": 50} and result["failed"] == 0
            assert routed.client.rx_packets("direct") - direct > 300, "answers took another way"
        assert decap.received() > 1000
    finally:
        process.stop()
        decap.stop()


def test_bytes_are_checked_and_changes_of_backend_seen(routed):
    address = routed.backends[0].address()
    sha256 = routed.nginx[0].big_sha256
    received = routed.client.rx_packets("direct")
    good = Load(routed, "good", "hold", address, 80, "--connections", 3, "--path", "/big", "--sha256", sha256).start()
    wrong = Load(routed, "wrong", "hold", address, 80, "--connections", 3, "--path", "/big", "--sha256", "0" * 64).start()
    until(lambda: routed.client.rx_packets("direct") - received > 5000, 10, "bytes flow")
    good, wrong = good.stop(), wrong.stop()
    assert good["requests"] > 0 and good["corrupt"] == 0 and good["failed"] == 0 and good["moved"] == 0
    assert wrong["corrupt"] == wrong["requests"] > 0


def test_a_dead_backend_is_seen(routed):
    nginx, address = routed.nginx[1], routed.backends[1].address()
    hold = Load(routed, "hold", "hold", address, 80, "--connections", 5, "--pause", 0.02).start()
    probe = Load(routed, "probe", "probe", address, 80, "--every", 0.02).start()
    until(lambda: routed.backends[1].namespace.run("ss", "-Htn").stdout.count("ESTAB") >= 5, 5, "clients are connected")
    nginx.kill()
    until(lambda: "ESTAB" not in routed.backends[1].namespace.run("ss", "-Htn").stdout, 5, "connections are reset")
    time.sleep(0.2)  # ten probes of nobody
    nginx.start()
    until(lambda: routed.client.run("curl", "-s", f"http://{address}/", check=False).stdout == "b2\n", 5, "it answers again")
    time.sleep(0.2)  # ten probes: the last of them began after that answer
    line, held = probe.stop()["line"], hold.finish()
    assert held["failed"] == 5
    assert any("error" in entry for entry in line) and line[-1]["backend"] == "b2"


def test_a_cut_cable_is_silent_until_joined(routed):
    backend = routed.backends[1]
    routed.cut(backend)
    result = Load(routed, "cut", "connect", backend.address(), 80, "--connections", 1, "--timeout", 0.5).start().finish()
    assert result["failures"] == {"timed out": 1} or "No route to host" in result["failures"]
    routed.join(backend)
    until(lambda: routed.client.run("ping", "-c1", "-W1", backend.address(), check=False).returncode == 0, 10, "it is back")


def test_a_frozen_server_accepts_but_does_not_answer(routed):
    nginx, address = routed.nginx[1], routed.backends[1].address()
    nginx.freeze()
    try:
        result = Load(routed, "frozen", "connect", address, 80, "--connections", 1, "--timeout", 0.5).start().finish()
        assert result["failures"] == {"timed out": 1}
    finally:
        nginx.thaw()
    assert Load(routed, "thawed", "connect", address, 80, "--connections", 1).start().finish()["failed"] == 0


def test_health_tells_sick_from_well(routed):
    def status():
        return routed.client.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                                 f"http://{routed.backends[0].address()}/health").stdout
    assert status() == "200"
    routed.nginx[0].sick()
    assert status() == "503"
    routed.nginx[0].well()
    assert status() == "200"


def test_nothing_is_left_when_a_test_fails():
    with pytest.raises(ZeroDivisionError), Site(backends=1) as site:
        process = Nginx(site, site.backends[0]).start().process
        1 / 0
    assert not process.alive()
    assert run_dir.namespaces_of(site.run.prefix) == [] and not site.run.path.exists()


def test_a_killed_run_is_swept_by_the_next():
    script = ("import sys, os; sys.path.insert(0, sys.argv[1]); from lab.site import Site; from lab.nginx import Nginx\n"
              "site = Site(backends=1).build(); Nginx(site, site.backends[0]).start()\n"
              "print(site.run.prefix, flush=True); os.kill(os.getpid(), 9)")
    done = subprocess.run([sys.executable, "-c", script, str(run_dir.pathlib.Path(__file__).parent)], capture_output=True,
                          text=True, check=False)
    prefix = done.stdout.strip()
    assert done.returncode == -9 and run_dir.namespaces_of(prefix)
    assert prefix in run_dir.sweep_dead()
    assert run_dir.namespaces_of(prefix) == [] and run_dir.RunDir.named(prefix) is None


@pytest.mark.parametrize("device", ["net_af_packet", "net_af_xdp"])
def test_dpdk_moves_packets_between_the_lbs_ends(device):
    """The lb's ends are fit for DPDK's drivers: its own test program joins them to one wire, and bytes arrive intact."""
    with Site(backends=1) as site:
        wire = Process(site.run, "testpmd", site.lb.command(
            "dpdk-testpmd", "--no-huge", "-m", "512", "--no-pci", "--no-shconf", "-l", "0,1",
            *(f"--vdev={device}{n},iface={nic}" for n, nic in enumerate(("nic-wan", "nic-lan"))),
            "--", "--forward-mode=io", "--auto-start", "--no-mlockall", "--total-num-mbufs=16384", "--stats-period=1")).start()
        nginx = Nginx(site, site.backends[0]).start()
        site.client.ip("link set direct down", f"addr add {LAN.with_length(77, 4)} dev wan")
        address = site.backends[0].address()
        until(lambda: site.client.run("ping", "-c1", "-W1", address, check=False).returncode == 0, 20,
              "packets cross the wire")
        result = Load(site, "wire", "hold", address, 80, "--connections", 4, "--path", "/big", "--seconds", 1,
                      "--timeout", 30, "--sha256", nginx.big_sha256).start().finish()
        wire.stop()
        assert result["failed"] == result["corrupt"] == 0 and result["requests"] >= 4, result
