"""Local services: a plain server on the lb itself answers at service addresses through the kernel door. Both families, both
kinds of device; counted per service; bulk transfers whole and without loss at a moderate rate; and the kernel's own
connections to backends by the thousand, as health checks and cardea-l7 make them."""
import hashlib
import time

import pytest
from lab.alone import HERE, Alone
from lab.load import Load
from lab.namespace import run
from lab.nginx import BIG_SIZE
from lab.process import Process
from lab.site import endpoint
from lab.wait import until

LOST = ("cardea_drops_total", "cardea_kernel_packets_lost_total", "cardea_port_missed_packets_total")


@pytest.fixture(scope="module", params=[[0], [0, 1]], ids=["one_worker", "two_workers"])
def alone(request, device):
    with Alone(device, request.param) as running:
        yield running


def traffic(alone, service, direction):
    labels = f'service="{service}",direction="{direction}"'
    values = alone.stats()
    return values[("cardea_service_packets_total", labels)], values[("cardea_service_bytes_total", labels)]


def download(alone, family, *options):
    """The large body from the lb's own server: its SHA-256."""
    got = alone.site.run.path / "got"
    alone.site.client.run("curl", "-sS", "--max-time", "20", *options, "-o", got, f"http://{endpoint(HERE[family], 80)}/big",
                          timeout=30)
    return hashlib.sha256(got.read_bytes()).hexdigest()


def lost(alone):
    time.sleep(1.2)  # the port's own numbers are written once a second
    return {key: value for key, value in alone.stats().items() if key[0] in LOST and value}


@pytest.mark.parametrize("family", [4, 6])
def test_the_hosts_server_answers_at_the_service_address(alone, family):
    assert {alone.get(HERE[family]) for _ in range(20)} == {"lb"}


@pytest.mark.parametrize("family", [4, 6])
def test_packets_are_counted_for_the_service(alone, family):
    service = "here" if family == 4 else "here6"
    packets_in, bytes_in = traffic(alone, service, "in")
    packets_out, bytes_out = traffic(alone, service, "out")
    download(alone, family)
    size = BIG_SIZE
    until(lambda: traffic(alone, service, "out")[1] - bytes_out > size, 5, "the answer is counted")
    assert traffic(alone, service, "out")[0] - packets_out >= size / 1460
    assert traffic(alone, service, "in")[0] > packets_in and traffic(alone, service, "in")[1] > bytes_in


def test_a_port_of_the_address_that_nobody_serves_is_refused(alone):
    done = alone.site.client.run("curl", "-sS", "--max-time", "3", f"http://{HERE[4]}:81/", check=False)
    assert done.returncode == 7, done.stderr


@pytest.mark.parametrize("family", [4, 6])
def test_bulk_both_ways_is_whole_and_loses_nothing(alone, family):
    """40 MB each way at 40 MB/s: less than a tenth of what passes here at most."""
    before = lost(alone)
    for _ in range(10):
        assert download(alone, family, "--limit-rate", "40M") == alone.here.big_sha256
    assert lost(alone) == before
    sink = alone.site.run.path / "sink"
    receiver = alone.site.lb.command("socat", "-u", f"TCP{family}-LISTEN:4000,reuseaddr", f"CREATE:{sink}")
    process = Process(alone.site.run, f"sink{family}", receiver).start()
    until(lambda: ":4000 " in alone.site.lb.run("ss", "-Htln").stdout, 5, "socat listens")
    big = alone.site.run.path / "big"
    alone.site.client.run("sh", "-c", f"for i in 1 2 3 4 5 6 7 8 9 10; do cat {big}; sleep 0.1; done | socat -u - "
                                      f"'TCP{family}:{endpoint(HERE[family], 4000)}'", timeout=60)
    assert process.wait(20) == 0
    assert hashlib.sha256(sink.read_bytes()).hexdigest() == hashlib.sha256(big.read_bytes() * 10).hexdigest()
    assert lost(alone) == before


@pytest.mark.parametrize("family", [4, 6])
def test_the_kernels_own_connections_by_the_thousand(alone, family):
    alone.site.lb.sysctl({"net.ipv4.tcp_tw_reuse": 1})
    before = lost(alone)
    load = Load(alone.site, "own", "connect", alone.site.backends[0].address(family), 80, "--connections", 5000,
                namespace=alone.site.lb).start()
    result = load.finish(120)
    assert result["failed"] == 0 and set(result["backends"]) == {"b1"}, result
    assert lost(alone) == before


def test_the_tap_shows_what_crosses_it_to_tcpdump(alone):
    """The kernel cuts nothing: its large packets and ours are seen whole, as on any NIC with these offloads."""
    features = alone.site.lb.run("ethtool", "-k", "wan").stdout
    assert "tcp-segmentation-offload: on" in features
    assert run(["ip", "-n", alone.site.lb.name, "link", "show", "wan"]).returncode == 0
