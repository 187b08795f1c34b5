"""The dataplane by itself, without mgmt: a plan written by hand and stored, nginx on two backends that also unpack tunnels, and
another nginx in the lb's own namespace for services that are local.
"""
import ipaddress
import json
import re
import subprocess
import tempfile
import types

from lab import stats
from lab.cardea import TREE, binary
from lab.decap import Decap
from lab.namespace import run
from lab.nginx import Nginx
from lab.process import Process
from lab.site import LAN, LB_HOST, SERVICES, WAN, Site, endpoint
from lab.wait import until

WEB = {4: SERVICES.address(10, 4), 6: SERVICES.address(10, 6)}
TUNNEL = {4: SERVICES.address(20, 4), 6: SERVICES.address(20, 6)}
HERE = {4: SERVICES.address(30, 4), 6: SERVICES.address(30, 6)}  # local services
LOCAL = {4: WAN.address(LB_HOST, 4), 6: WAN.address(LB_HOST, 6)}
RING = 251


def schema_number(folder):
    """The number that the schema has now, as the build makes it."""
    with tempfile.NamedTemporaryFile("r", suffix=".h") as header:
        subprocess.run(["cmake", f"-DSCHEMA={TREE / folder / 'plan.fbs'}", f"-DFOLDER={folder}", "-DVERSION=0",
                        f"-DOUT={header.name}", "-P", TREE / "tools/cmake/plan_schema_number.cmake"], check=True)
        return int(re.search(r"kPlanSchema = (\w+);", header.read())[1], 16)


def image_address(text):
    address = ipaddress.ip_address(text)
    mapped = ipaddress.IPv6Address(f"::ffff:{address}") if address.version == 4 else address
    return {"bytes": list(mapped.packed)}


def image_prefix(text):
    interface = ipaddress.ip_interface(text)
    return {"address": image_address(str(interface.ip)), "length": interface.network.prefixlen}


def image_port(name, network, device):
    """`device`: a driver of DPDK's, with " shared" behind it for one whose interface stays the kernel's too."""
    driver, *shared = device.split()
    return {"name": name, "device": f"{driver},iface=nic-{name}", "mtu": 1500, "kernel": "device" if shared else "tap",
            "addresses": [image_prefix(network.with_length(LB_HOST, family)) for family in (4, 6)]}


def image_pool(name, backends, family, port=80):
    return {"name": name, "ring": [slot % len(backends) for slot in range(RING)],
            "backends": [{"name": endpoint(b.address(family), port), "address": image_address(b.address(family)),
                          "port": port, "weight": 1, "state": "up"} for b in backends]}


def image_service(name, address, port, forward, pool, protocol="tcp"):
    return {"name": name, "forward": forward, "pool": pool,
            "listen": [{"address": image_address(address), "port": port, "protocol": protocol}]}


def image(site, device, workers, generation=1):
    return {"schema": schema_number("dataplane"), "generation": generation, "cluster": "alone", "hash_key_0": 11, "hash_key_1": 22,
            "settings": {"workers": workers, "poll": "adaptive", "flows": 20000, "checksums": "full"},
            "ports": [image_port("wan", WAN, device), image_port("lan", LAN, device)],
            "pools": [image_pool("web", site.backends, 4), image_pool("web6", site.backends, 6)],
            "services": [image_service("web", WEB[4], 80, "fullnat", 0), image_service("web6", WEB[6], 80, "fullnat", 1),
                         image_service("tunnel", TUNNEL[4], 80, "ipip", 0),
                         image_service("tunnel6", TUNNEL[6], 80, "ipip", 1),
                         image_service("here", HERE[4], 80, "local", 0), image_service("here6", HERE[6], 80, "local", 0),
                         image_service("void", WEB[4], 80, "fullnat", 0, "udp"),  # where no backend listens
                         image_service("void6", WEB[6], 80, "fullnat", 1, "udp")]}


class Alone:
    """Site, two nginx that also unpack tunnels, a third on the lb itself, and a dataplane with a stored plan."""

    def __init__(self, device, workers, queues=1, eal=""):
        self.device, self.workers, self.eal = device, workers, eal
        self.site = Site(backends=2, queues=queues, shared=device.endswith(" shared"))

    def __enter__(self):
        self.site.__enter__()
        try:
            self.nginx = [Nginx(self.site, backend).start() for backend in self.site.backends]
            self.decap = [Decap(self.site, backend, list(TUNNEL.values())).start() for backend in self.site.backends]
            self.here = Nginx(self.site, types.SimpleNamespace(name="lb", namespace=self.site.lb)).start()
            self.store_plan(image(self.site, self.device, self.workers))
            self.dataplane = Process(self.site.run, "cardea-dataplane", self.site.lb.command(
                binary("cardea-dataplane"), "--run-dir", self.site.run.sockets, "--state-dir", self.site.run.state,
                *(["--eal", self.eal] if self.eal else [])))
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

    def stats(self):
        """Every counter and gauge, by (name, labels)."""
        return stats.read(self.site.run.sockets / "dataplane.stats")
