"""cardea-dataplane by itself: a stored plan, no mgmt. It starts, forwards, answers by the kernel, sleeps, ends, and comes back
after kill -9."""
import os
import pathlib
import re
import signal
import time

import pytest
from lab import packets
from lab.alone import LOCAL, TUNNEL, WEB, Alone, image
from lab.namespace import run
from lab.process import Process
from lab.site import CLIENT_HOST, WAN, endpoint
from lab.wait import until
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Dot1Q, Ether

NO_SUCH_CARD = "0000:ff:1f.7"


@pytest.fixture(scope="module", params=[[0], [0, 1]], ids=["one_worker", "two_workers"])
def alone(request, any_device):
    with Alone(any_device, request.param) as running:
        yield running


@pytest.mark.parametrize("family", [4, 6])
def test_fullnat_reaches_real_backends(alone, family):
    names = {alone.get(WEB[family]) for _ in range(40)}
    assert names == {backend.name for backend in alone.site.backends}


@pytest.mark.parametrize("family", [4, 6])
def test_ipip_backends_answer_the_client_directly(alone, family):
    before = [decap.received() for decap in alone.decap]
    names = {alone.get(TUNNEL[family]) for _ in range(40)}
    assert names == {backend.name for backend in alone.site.backends}
    assert all(decap.received() > count for decap, count in zip(alone.decap, before, strict=True))


def test_large_answers_come_whole(alone):
    path = alone.site.run.path / "got"
    alone.site.client.run("curl", "-sS", "--max-time", "20", "-o", path, f"http://{WEB[4]}/big", timeout=30)
    assert run(["sha256sum", path]).stdout.split()[0] == alone.nginx[0].big_sha256


def syn_frame(alone, link_address, tag=None):
    client = alone.site.client
    ether = Ether(src=packets.hardware_address(client, "wan"), dst=link_address)
    if tag is not None:
        ether = ether / Dot1Q(vlan=tag, prio=5)
    return bytes(ether / IP(src=WAN.address(CLIENT_HOST, 4), dst=TUNNEL[4]) / TCP(sport=4000, dport=80, flags="S"))


def test_only_frames_for_the_port_are_forwarded(alone):
    """A switch floods what is for others; a tag that names no VLAN is only a priority."""
    def forwarded():
        return alone.stats()["cardea_service_packets_total", 'service="tunnel",direction="in"']
    ours = packets.neighbour(alone.site.client, LOCAL[4])
    before = forwarded()
    others = [syn_frame(alone, "02:00:00:00:77:77"), syn_frame(alone, "ff:ff:ff:ff:ff:ff"), syn_frame(alone, ours, tag=5)]
    packets.send(alone.site.client, "wan", others * 5 + [syn_frame(alone, ours, tag=0), syn_frame(alone, ours)])
    until(lambda: forwarded() >= before + 2, 5, "the last two are forwarded")
    assert forwarded() < before + 5  # theirs, and what the client's kernel answers to what it never asked for


@pytest.mark.parametrize("family", [4, 6])
def test_large_requests_learn_how_much_a_tunnel_takes(alone, family):
    """Full-sized segments are too big with an outer header: the client's kernel has to be told, and to believe it."""
    done = alone.site.client.run("curl", "-sS", "--max-time", "10", "-H", "X-Long: " + "x" * 6000,
                                 f"http://{endpoint(TUNNEL[family], 80)}/", timeout=20)
    assert done.stdout.strip() in {backend.name for backend in alone.site.backends}
    assert alone.stats()["cardea_drops_total", 'reason="too_big"'] > 0


@pytest.mark.parametrize("address", [*LOCAL.values(), *WEB.values(), *TUNNEL.values()])
def test_the_kernel_answers_ping(alone, address):
    done = alone.site.client.run("ping", "-c", "3", "-i", "0.1", "-W", "2", address, check=False)
    assert " 0% packet loss" in done.stdout and "DUP" not in done.stdout, done.stdout


REFUSED = """
import socket, sys
with socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(3)
    s.connect((sys.argv[1], 80))
    s.send(b"anybody?")
    try:
        s.recv(100)
    except ConnectionRefusedError:
        print("refused")
"""


@pytest.mark.parametrize("family", [4, 6])
def test_a_backends_icmp_error_reaches_the_client_as_its_own(alone, family):
    """No backend listens for UDP; the client's kernel believes an error only when it quotes the client's own packet."""
    assert alone.site.client.run("python3", "-c", REFUSED, WEB[family], timeout=10).stdout.strip() == "refused"


def test_other_ports_of_a_service_address_are_refused_by_the_kernel(alone):
    done = alone.site.client.run("curl", "-sS", "--max-time", "3", f"http://{WEB[4]}:81/", check=False)
    assert "refused" in done.stderr.lower() or done.returncode == 7, done.stderr


def test_the_kernel_never_answers_for_the_dataplane(alone):
    """The kernel sees the same packets on the interface under the port; only one of the two may act."""
    out = alone.site.run.path / "reset.txt"
    watcher = Process(alone.site.run, "watch-resets", alone.site.client.command(
        "tcpdump", "-n", "-l", "-i", "wan", "tcp[tcpflags] & tcp-rst != 0"))
    watcher.start()
    until(lambda: "listening" in watcher.tail(), 5, "tcpdump listens")
    for _ in range(10):
        assert alone.get(WEB[4]) is not None
    time.sleep(0.3)
    watcher.stop()
    assert "Flags [R" not in watcher.tail(100), watcher.tail(100)
    out.unlink(missing_ok=True)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def dataplane_pid(alone):
    """`ip netns exec` becomes the program itself."""
    return alone.dataplane.pid


def test_idle_costs_nothing(alone):
    time.sleep(0.5)
    before = cpu_seconds(dataplane_pid(alone))
    time.sleep(3)
    assert cpu_seconds(dataplane_pid(alone)) - before <= 0.06


def test_an_interface_set_down_and_up_again_costs_nothing(alone):
    nic = "nic-wan"
    try:
        alone.site.lb.ip(f"link set {nic} down")
        test_idle_costs_nothing(alone)
    finally:
        alone.site.lb.ip(f"link set {nic} up")
    until(lambda: alone.get(WEB[4], seconds=1) is not None, 10, "it forwards again")
    test_idle_costs_nothing(alone)


def test_only_net_admin_is_left(alone):
    for status in pathlib.Path(f"/proc/{dataplane_pid(alone)}/task").glob("*/status"):
        fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        assert {key: int(fields[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {
            "CapInh": 0, "CapPrm": 1 << 12, "CapEff": 1 << 12, "CapBnd": 0, "CapAmb": 0}
        assert fields["NoNewPrivs"].strip() == "1"


def test_only_the_drivers_of_its_ports_are_loaded(alone):
    maps = pathlib.Path(f"/proc/{dataplane_pid(alone)}/maps").read_text()
    drivers = set(re.findall(r"/librte_((?:baseband|compress|crypto|dma|event|net|raw|regex|vdpa)_\w+)\.so", maps))
    assert drivers == {alone.device.split()[0]}


def test_a_start_leaves_no_folder_of_dpdks_behind(alone):
    assert not pathlib.Path(f"/run/dpdk/cardea-{dataplane_pid(alone)}").exists()


def test_comes_back_after_kill_9(alone):
    alone.dataplane.kill()
    started = time.monotonic()
    alone.dataplane.start()
    alone.until_serving()
    print(f"from exec to an answer: {time.monotonic() - started:.3f} s")
    assert time.monotonic() - started < 5


def test_what_starts_over_may_use_every_cpu_again(alone):
    """DPDK keeps its first thread off the workers' CPUs; once it was told to wait for another plan, none of those is taken yet."""
    alone.dataplane.stop()
    plan = image(alone.site, NO_SUCH_CARD, [0], generation=2)
    alone.store_plan({**plan, "ports": plan["ports"][:1]})
    alone.dataplane.start()
    until(lambda: "waiting for a plan" in alone.dataplane.tail(2), 10, "without the stored plan it starts over")
    assert os.sched_getaffinity(dataplane_pid(alone)) == os.sched_getaffinity(0)
    alone.dataplane.stop()
    alone.store_plan(image(alone.site, alone.device, alone.workers))
    alone.dataplane.start()
    alone.until_serving()


def test_sigterm_ends_in_order(alone):
    alone.dataplane.signal(signal.SIGTERM)
    assert alone.dataplane.wait(10) == 0, alone.dataplane.tail()
    links = alone.site.lb.run("ip", "-d", "link").stdout
    assert "prog/xdp" not in links and " wan:" not in links
    alone.dataplane.start()
    alone.until_serving()
