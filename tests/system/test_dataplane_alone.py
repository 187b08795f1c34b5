"""cardea-dataplane by itself: a stored plan, no mgmt. It starts, forwards, answers by the kernel, sleeps, ends, and comes back
after kill -9."""
import ipaddress
import json
import pathlib
import signal
import time

import pytest
from lab.cardea import TREE, binary
from lab.decap import Decap
from lab.namespace import run
from lab.nginx import Nginx
from lab.process import Process
from lab.site import LAN, LB_HOST, SERVICES, WAN, Site, endpoint
from lab.wait import until

WEB = {4: SERVICES.address(10, 4), 6: SERVICES.address(10, 6)}
TUNNEL = {4: SERVICES.address(20, 4), 6: SERVICES.address(20, 6)}
LOCAL = {4: WAN.address(LB_HOST, 4), 6: WAN.address(LB_HOST, 6)}
RING = 251


def image_address(text):
    address = ipaddress.ip_address(text)
    mapped = ipaddress.IPv6Address(f"::ffff:{address}") if address.version == 4 else address
    return {"bytes": list(mapped.packed)}


def image_prefix(text):
    interface = ipaddress.ip_interface(text)
    return {"address": image_address(str(interface.ip)), "length": interface.network.prefixlen}


def image_port(name, network, device):
    return {"name": name, "device": f"{device},iface=nic-{name}", "mtu": 1500,
            "addresses": [image_prefix(network.with_length(LB_HOST, family)) for family in (4, 6)]}


def image_pool(name, backends, family, port=80):
    return {"name": name, "ring": [slot % len(backends) for slot in range(RING)],
            "backends": [{"name": endpoint(b.address(family), port), "address": image_address(b.address(family)),
                          "port": port, "weight": 1, "state": "up"} for b in backends]}


def image_service(name, address, port, forward, pool):
    return {"name": name, "forward": forward, "pool": pool,
            "listen": [{"address": image_address(address), "port": port, "protocol": "tcp"}]}


def image(site, device, workers, generation=1):
    return {"schema": 1, "generation": generation, "cluster": "alone", "hash_key_0": 11, "hash_key_1": 22,
            "settings": {"workers": workers, "poll": "adaptive", "flows": 20000, "checksums": "full"},
            "ports": [image_port("wan", WAN, device), image_port("lan", LAN, device)],
            "pools": [image_pool("web", site.backends, 4), image_pool("web6", site.backends, 6)],
            "services": [image_service("web", WEB[4], 80, "fullnat", 0), image_service("web6", WEB[6], 80, "fullnat", 1),
                         image_service("tunnel", TUNNEL[4], 80, "ipip", 0),
                         image_service("tunnel6", TUNNEL[6], 80, "ipip", 1)]}


class Alone:
    """Site, two nginx that also unpack tunnels, and a dataplane with a stored plan."""

    def __init__(self, device, workers):
        self.device, self.workers = device, workers
        self.site = Site(backends=2)

    def __enter__(self):
        self.site.__enter__()
        try:
            self.nginx = [Nginx(self.site, backend).start() for backend in self.site.backends]
            self.decap = [Decap(self.site, backend, list(TUNNEL.values())).start() for backend in self.site.backends]
            self.store_plan(image(self.site, self.device, self.workers))
            self.dataplane = Process(self.site.run, "cardea-dataplane", self.site.lb.command(
                binary("cardea-dataplane"), "--run-dir", self.site.run.sockets, "--state-dir", self.site.run.state))
            self.dataplane.start()
            self.until_serving()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, *what):
        if hasattr(self, "dataplane"):
            self.dataplane.stop()
            print(self.dataplane.tail(40))
        self.site.__exit__(*what)

    def store_plan(self, plan):
        text = self.site.run.path / "dataplane.json"
        text.write_text(json.dumps(plan))
        run(["flatc", "--binary", "-o", self.site.run.path, TREE / "dataplane/plan.fbs", text])
        (self.site.run.path / "dataplane.bin").rename(self.site.run.state / "dataplane.plan")

    def until_serving(self, seconds=20):
        def serving():
            assert self.dataplane.alive(), f"the dataplane ended:\n{self.dataplane.tail(40)}"
            return self.get(WEB[4], seconds=1) is not None
        until(serving, seconds, "the dataplane forwards")

    def get(self, address, path="/", seconds=5):
        """Who answered, or None."""
        done = self.site.client.run("curl", "-s", "--max-time", seconds, f"http://{endpoint(address, 80)}{path}", check=False,
                                    timeout=seconds + 10)
        return done.stdout.strip() if done.returncode == 0 else None


@pytest.fixture(scope="module", params=[[0], [0, 1]], ids=["one_worker", "two_workers"])
def alone(request, device):
    with Alone(device, request.param) as running:
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


@pytest.mark.parametrize("address", [*LOCAL.values(), *WEB.values(), *TUNNEL.values()])
def test_the_kernel_answers_ping(alone, address):
    done = alone.site.client.run("ping", "-c", "3", "-i", "0.1", "-W", "2", address, check=False)
    assert " 0% packet loss" in done.stdout and "DUP" not in done.stdout, done.stdout


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


def test_only_net_admin_is_left(alone):
    for status in pathlib.Path(f"/proc/{dataplane_pid(alone)}/task").glob("*/status"):
        fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        assert {key: int(fields[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {
            "CapInh": 0, "CapPrm": 1 << 12, "CapEff": 1 << 12, "CapBnd": 0, "CapAmb": 0}
        assert fields["NoNewPrivs"].strip() == "1"


def test_comes_back_after_kill_9(alone):
    alone.dataplane.kill()
    started = time.monotonic()
    alone.dataplane.start()
    alone.until_serving()
    print(f"from exec to an answer: {time.monotonic() - started:.3f} s")
    assert time.monotonic() - started < 5


def test_sigterm_ends_in_order(alone):
    alone.dataplane.signal(signal.SIGTERM)
    assert alone.dataplane.wait(10) == 0, alone.dataplane.tail()
    links = alone.site.lb.run("ip", "-d", "link").stdout
    assert "prog/xdp" not in links and " wan:" not in links
    alone.dataplane.start()
    alone.until_serving()
