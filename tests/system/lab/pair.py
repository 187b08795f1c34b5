"""Two appliances on the same wires, whose ports are their interfaces, and keepalived on both, which gives one of them the
services' address. The client asks for that address on its own network, as a router's does: who answers has it.
"""
import contextlib
import re
import types

from lab import configuration
from lab.cardea import TREE, Cardea, binary
from lab.namespace import Namespace
from lab.nginx import Nginx
from lab.process import Process
from lab.run_dir import RunDir
from lab.site import LAN, SERVICES, WAN, Site, endpoint
from lab.wait import until

VIP = SERVICES.address(80, 4)
EXAMPLE = TREE / "conf/examples/keepalived.conf"
DEVICE = "net_af_xdp shared"


def document(site, host):
    """That of the appliance with this number on both networks."""
    result = configuration.for_site(DEVICE, workers=(host - 1,))
    for port, network in zip(result["dataplane"]["ports"], (WAN, LAN), strict=True):
        port["addresses"] = [network.with_length(host, 4)]
    result["dataplane"]["floating"] = [f"{VIP}/32"]
    result["l7"] = {"shards": [host - 1]}
    result["pools"] = [configuration.pool("web", site.backends, 80)]
    result["services"] = [configuration.service("web", [endpoint(VIP, 80) + "/tcp"], "web"),
                          {"name": "site", "mode": "http", "listen": [endpoint(VIP, 8080) + "/tcp"], "pool": "web"}]
    return result


class Appliance:
    """One of the two: its processes, with folders of its own."""

    def __init__(self, site, lb, host):
        self.lb, self.host = lb, host
        run = site.run if host == 1 else RunDir(site.run.prefix, site.run.path / lb.name)
        for folder in (run.path, run.sockets, run.state, run.logs, run.pids):
            folder.mkdir(exist_ok=True)
        self.run = run
        self.cardea = Cardea(types.SimpleNamespace(run=run, lb=lb, kept=False), document(site, host))
        file = run.path / "keepalived.conf"
        file.write_text(self.keepalived_conf())
        self.keepalived = Process(run, "keepalived", lb.command(
            "keepalived", "--dont-fork", "--log-console", "--vrrp", "-f", file, "-p", run.path / "keepalived.pid", "-r",
            run.path / "vrrp.pid"))

    def keepalived_conf(self):
        """The example as it is shipped, with the names of this site, and quicker."""
        addresses = f"virtual_ipaddress {{ {VIP}/32 dev nic-wan }}"
        text = re.sub(r"virtual_ipaddress \{[^}]*\}", addresses, EXAMPLE.read_text())
        text = text.replace("eth0", "nic-wan").replace("eth1", "nic-lan")
        text = text.replace("/usr/bin/cardea", f"{binary('cardea')} --api {self.cardea.api}")
        text = text.replace("enable_script_security\n", "").replace("advert_int 1\n", "advert_int 0.2\n")
        return text.replace("priority 100", f"priority {100 - self.host}")

    def start(self):
        self.cardea.start()
        self.cardea.until_backends("up")
        self.keepalived.start()

    def stop(self):
        self.keepalived.stop()
        self.cardea.stop()

    def has_address(self):
        return f"inet {VIP}/32" in self.lb.run("ip", "addr", "show", "dev", "nic-wan").stdout


class Pair(Site):
    """Use as a context manager."""

    def __init__(self):
        super().__init__(backends=2, shared=True)
        self.second = Namespace(f"{self.run.prefix}-lb2")
        self._stack = contextlib.ExitStack()

    def _wire_lb(self):
        self.second.create()
        self.lan.ip("link add wan type bridge forward_delay 0 mcast_snooping 0", "link set wan up")
        for number, (namespace, name) in enumerate(((self.client, "wan"), (self.lb, "nic-wan"), (self.second, "nic-wan"))):
            self._veth(namespace, name, self.lan, f"wan{number}")
            self.lan.ip(f"link set wan{number} master wan")
        self._plug(self.lb, "nic-lan", "lb1")
        self._plug(self.second, "nic-lan", "lb2")

    def __enter__(self):
        super().__enter__()
        with self._stack:
            self._stack.callback(self.run.clear)
            self.client.ip(f"route replace {SERVICES.prefix(4)} dev wan")
            for backend in self.backends:
                Nginx(self, backend).start()
            self.appliances = [Appliance(self, lb, host) for host, lb in ((1, self.lb), (2, self.second))]
            for appliance in self.appliances:
                self._stack.callback(appliance.run.keep_logs)
                self._stack.callback(appliance.stop)
                appliance.start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *what):
        return self._stack.__exit__(*what)

    def holder(self):
        """The one that has the address, and the other, once it is exactly one."""
        def one():
            return sum(appliance.has_address() for appliance in self.appliances) == 1
        until(one, 20, "one of the two has the address")
        return sorted(self.appliances, key=lambda appliance: not appliance.has_address())

    def get(self, port):
        """Which backend answered the client, or None."""
        done = self.client.run("curl", "-s", "--max-time", "3", f"http://{endpoint(VIP, port)}/", check=False)
        return done.stdout.strip() if done.returncode == 0 else None
