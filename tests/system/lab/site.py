"""The wires and addresses of the small site.

    client ──wan── lb ──lan──┬── b1        wan  192.0.2.0/24    2001:db8:1::/64
       └─────── direct ──────┼── b2        lan  10.0.0.0/24     fd00:1::/64
                             └── b3        services 203.0.113.0/24, 2001:db8:100::/64, routed by the client to the lb

The lan is a bridge in a namespace of its own. `direct` is the way a backend answers a client without the appliance (DSR):
backends route the client's network through it. The lb's two ends (nic-wan, nic-lan) belong to the dataplane: the kernel
has no address there, answers no ARP and drops what reaches it by its reverse path filter. A site without a dataplane
(`kernel`) is an ordinary host: the addresses are on the ends themselves, those of services on its loopback. Where the ends are
`shared` with the dataplane, they are left as any host has them.
"""
from dataclasses import dataclass

from lab.namespace import Namespace
from lab.run_dir import RunDir, sweep_dead


@dataclass(frozen=True)
class Network:
    name: str
    v4: str  # the first three numbers
    v6: str  # up to and with the double colon

    def address(self, host, family):
        return f"{self.v4}.{host}" if family == 4 else f"{self.v6}{host}"

    def with_length(self, host, family):
        return f"{self.address(host, family)}/{24 if family == 4 else 64}"

    def prefix(self, family):
        return self.with_length(0, 4) if family == 4 else f"{self.v6}/64"


WAN = Network("wan", "192.0.2", "2001:db8:1::")
LAN = Network("lan", "10.0.0", "fd00:1::")
SERVICES = Network("services", "203.0.113", "2001:db8:100::")
LB_HOST, CLIENT_HOST, DIRECT_HOST = 1, 10, 250
FIRST_BACKEND_HOST = 11
SERVICE_HOSTS = (20, 25)  # those a site without a dataplane answers for: HTTP and TCP
FAMILIES = (4, 6)


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Backend:
    """One backend's place: its namespace and addresses. What runs there is somebody else's."""

    def __init__(self, prefix, number):
        self.name = f"b{number}"
        self.host = FIRST_BACKEND_HOST + number - 1
        self.namespace = Namespace(f"{prefix}-{self.name}")

    def address(self, family=4):
        return LAN.address(self.host, family)


class Site:
    """Use as a context manager: everything is gone at the end, whatever happened in between."""

    def __init__(self, backends=3, prefix=None, kept=False, queues=1, kernel=False, shared=False):
        sweep_dead()
        self.kept = kept
        self.queues = queues
        self.kernel = kernel
        self.shared = shared
        self.run = RunDir.create(prefix, kept)
        self.client = Namespace(f"{self.run.prefix}-client")
        self.lb = Namespace(f"{self.run.prefix}-lb")
        self.lan = Namespace(f"{self.run.prefix}-lan")
        self.backends = [Backend(self.run.prefix, n + 1) for n in range(backends)]

    def __enter__(self):
        try:
            return self.build()
        except BaseException:
            self.run.clear()
            raise

    def __exit__(self, *_):
        self.run.clear()

    def build(self):
        for namespace in (self.client, self.lb, self.lan, *(b.namespace for b in self.backends)):
            namespace.create()
        self.lan.ip("link add lan type bridge forward_delay 0 mcast_snooping 0", "link set lan up")
        self._wire_lb()
        self._plug(self.client, "direct", "client")
        for backend in self.backends:
            self._plug(backend.namespace, "lan", backend.name)
            self._address_backend(backend)
        self._address_client()
        self._prepare_lb()
        return self

    def backend(self, name):
        return next(b for b in self.backends if b.name == name)

    def cut(self, backend):
        """Pulls the backend's cable: no more answers, no resets."""
        self.lan.ip(f"link set {backend.name} down")

    def join(self, backend):
        self.lan.ip(f"link set {backend.name} up")

    def _veth(self, one, one_name, other, other_name):
        queues = f"numrxqueues {self.queues} numtxqueues {self.queues}"
        one.ip(f"link add {one_name} {queues} type veth peer name {other_name} {queues} netns {other.name}",
               f"link set {one_name} up")
        other.ip(f"link set {other_name} up")
        # Checksums and segments are finished by the sender: a veth would hand over half-computed ones, which no cable does.
        for namespace, name in ((one, one_name), (other, other_name)):
            namespace.run("ethtool", "-K", name, "tx", "off", "tso", "off", "gso", "off", "gro", "off")

    def _plug(self, namespace, name, socket):
        self._veth(namespace, name, self.lan, socket)
        self.lan.ip(f"link set {socket} master lan")

    def _wire_lb(self):
        self._veth(self.client, "wan", self.lb, "nic-wan")
        self._plug(self.lb, "nic-lan", "lb")

    def _prepare_lb(self):
        if self.kernel:
            self._address_lb()
        elif not self.shared:
            for nic in ("nic-wan", "nic-lan"):
                self._leave_to_dataplane(nic)

    def _address_backend(self, backend):
        lines = [f"addr add {LAN.with_length(backend.host, 4)} dev lan",
                 f"addr add {LAN.with_length(backend.host, 6)} dev lan nodad"]
        for family in FAMILIES:
            lines.append(f"route add {WAN.prefix(family)} via {LAN.address(DIRECT_HOST, family)}")
            lines.append(f"route add default via {LAN.address(LB_HOST, family)}")
        backend.namespace.ip(*lines)

    def _address_client(self):
        lines = [f"addr add {WAN.with_length(CLIENT_HOST, 4)} dev wan",
                 f"addr add {WAN.with_length(CLIENT_HOST, 6)} dev wan nodad",
                 f"addr add {LAN.with_length(DIRECT_HOST, 4)} dev direct",
                 f"addr add {LAN.with_length(DIRECT_HOST, 6)} dev direct nodad"]
        for family in FAMILIES:
            lines.append(f"route add {SERVICES.prefix(family)} via {WAN.address(LB_HOST, family)}")
        self.client.ip(*lines)
        # A client that opens thousands of connections must not run out of its own ports.
        self.client.sysctl({"net.ipv4.ip_local_port_range": "10000 65000", "net.ipv4.tcp_tw_reuse": 1})

    def _address_lb(self):
        for nic, network in (("nic-wan", WAN), ("nic-lan", LAN)):
            self.lb.ip(f"addr add {network.with_length(LB_HOST, 4)} dev {nic}",
                       f"addr add {network.with_length(LB_HOST, 6)} dev {nic} nodad")
        for host in SERVICE_HOSTS:
            self.lb.ip(*(f"addr add {SERVICES.address(host, family)}/{32 if family == 4 else 128} dev lo" for family in FAMILIES))

    def _leave_to_dataplane(self, nic):
        self.lb.sysctl({f"net.ipv6.conf.{nic}.disable_ipv6": 1, f"net.ipv4.conf.{nic}.rp_filter": 1,
                        f"net.ipv4.conf.{nic}.arp_ignore": 8})
        self.lb.ip(f"link set {nic} arp off")
