"""The site most tests use: a web and a DNS-like service on both families, in one forwarding mode, with real servers.

Services `web`, `web6` (TCP 80) and `echo`, `echo6` (UDP 53), each with a pool of its own over the same backends, which
answer with their names. In ipip the backends unpack the tunnels and own the service addresses.
"""
import contextlib

from lab import configuration
from lab.cardea import Cardea
from lab.decap import Decap
from lab.load import Load
from lab.nginx import Nginx
from lab.site import SERVICES, Site, endpoint
from lab.udp_echo import UdpEcho

WEB = {4: SERVICES.address(10, 4), 6: SERVICES.address(10, 6)}
ECHO = {4: SERVICES.address(53, 4), 6: SERVICES.address(53, 6)}
NAMES = {4: "", 6: "6"}


def document(site, forward="fullnat", device="net_af_packet", weights=None, families=(4, 6), health=configuration.HEALTH,
             **options):
    """The standard configuration as Python values; `options` go to configuration.for_site."""
    result = configuration.for_site(device, **options)
    for family in families:
        web, echo = "web" + NAMES[family], "echo" + NAMES[family]
        result["pools"] += [configuration.pool(web, site.backends, 80, weights, family, health),
                            configuration.pool(echo, site.backends, 53, weights, family, {**health, "port": 8080})]
        result["services"] += [
            configuration.service(web, [endpoint(WEB[family], 80) + "/tcp"], web, forward),
            configuration.service(echo, [endpoint(ECHO[family], 53) + "/udp"], echo, forward)]
    return result


class Standard:
    """Site, servers and product, all running. `change` may edit the document before the start."""

    def __init__(self, forward="fullnat", device="net_af_packet", weights=None, backends=3, change=None, **options):
        self.forward = forward
        self.site = Site(backends, shared=device.endswith(" shared"))
        self.document = document(self.site, forward, device, weights, **options)
        if change:
            change(self.document)
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with self._stack:
            site = self._stack.enter_context(self.site)
            self.nginx = {b.name: Nginx(site, b).start() for b in site.backends}
            self.echo = {b.name: UdpEcho(site, b).start() for b in site.backends}
            if self.forward == "ipip":
                addresses = [*WEB.values(), *ECHO.values()]
                self.decap = {b.name: Decap(site, b, addresses).start() for b in site.backends}
            self.cardea = Cardea(site, self.document)
            self._stack.callback(self.site.run.keep_logs)
            self._stack.callback(self.cardea.stop)
            self.cardea.start()
            self.cardea.until_backends("up")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *what):
        return self._stack.__exit__(*what)

    def load(self, name, *arguments):
        return Load(self.site, name, *arguments).start()

    def connect(self, count, *arguments, address=WEB[4], port=80):
        """`count` connections with one request each, to their end."""
        return self.load("connect", "connect", address, port, "--connections", count, *arguments).finish(120)

    def backend_address(self, name, family=4, port=80):
        return endpoint(self.site.backend(name).address(family), port)

    def reload(self, **options):
        """Writes the document as it now is and reloads it."""
        self.cardea.write(self.document)
        return self.cardea.reload(**options)

    def pool(self, name):
        return next(p for p in self.document["pools"] if p["name"] == name)
