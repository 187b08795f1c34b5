"""The site most L7 tests use: HTTPS for two hosts with routes and a cache, in front of three real nginx.

    shop.example, blog.example, *.wild.example at 203.0.113.20:443 (and IPv6), each with a certificate of its own
        /api/ → pool api (b1, b2), /images/ → pool images (b3) behind cache edge, everything else → pool pages (all three)
    203.0.113.20:80 plain → pages    203.0.113.25:25 mode tcp → stream (b1, b2)    203.0.113.10:80 mode l4 → web
With `kernel` there is no dataplane and no l4 service: cardea-l7 alone on an ordinary host. `origin` adds servers on b1 and b2
that do what nginx cannot (see origin.py) behind 203.0.113.20:8080 and, over TLS, :8443.
With CARDEA_L7_TRANSPORT=userspace in the environment every such site has a dataplane, and L7 speaks TCP of its own behind it.
"""
import contextlib
import os

from lab import configuration
from lab.authority import Authority
from lab.cardea import Cardea
from lab.client import Client
from lab.nginx import Nginx
from lab.origin import PORT as ORIGIN_PORT
from lab.origin import Origin
from lab.site import SERVICES, Site, endpoint
from lab.standard import WEB

SHOP = {family: SERVICES.address(20, family) for family in (4, 6)}
STREAM = SERVICES.address(25, 4)
BASE = "http://shop.example:8080"
# How curl asks the servers of `origin`.
VERSIONS = {"h1": (BASE, "--http1.1"), "h2c": (BASE, "--http2-prior-knowledge"), "tls": ("https://shop.example:8443", "--http2")}
HOSTS = ("shop.example", "blog.example", "any.wild.example")


def l7_pool(name, backends, port=80, balance="round_robin", **settings):
    return {**configuration.pool(name, backends, port), "balance": balance, **settings}


def route(name, path, pool, host=None, **more):
    return {"name": name, "match": {**({"host": host} if host else {}), "path": path}, "pool": pool, **more}


def add_pool_beside_origin(document, name, port):
    """A server on the first origin's host, of which nobody finds out but who asks it whether it is away."""
    origin = next(pool for pool in document["pools"] if pool["name"] == "origin")
    address = origin["backends"][0]["address"].rpartition(":")[0]
    document["pools"].append({"name": name, "balance": "round_robin", "backends": [{"address": f"{address}:{port}"}],
                              "health": {"type": "none"}})


def http_service(name, listen, certificates=None, **settings):
    return {"name": name, "mode": "http", "listen": listen, **({"tls": {"certificates": certificates}} if certificates else {}),
            **settings}


def document(site, authority, kernel, origin, shards, device):
    result = configuration.for_site(device)
    if kernel:
        del result["dataplane"]
    certificates = [authority.issue("shop.example"), authority.issue("blog.example", kind="rsa"),
                    authority.issue("wild.example", ["*.wild.example"])]
    b1, b2, b3 = site.backends
    result["l7"] = {"shards": list(shards), "transport": "kernel", "access_log": str(site.run.logs / "access.log")}
    result["caches"] = [{"name": "edge", "memory": "16MB", "object_max": "1MB"}]
    result["pools"] = [l7_pool("pages", site.backends), l7_pool("api", [b1, b2], balance="least_conn"),
                       l7_pool("images", [b3], balance="maglev"), l7_pool("stream", [b1, b2])]
    routes = [route("api", "/api/", "api", "shop.example"), route("images", "/images/", "images", "shop.example", cache="edge"),
              route("shop", "/", "pages", "shop.example"), route("blog", "/", "pages", ["blog.example", "*.wild.example"])]
    result["services"] = [
        http_service("shop", [endpoint(SHOP[family], 443) + "/tcp" for family in (4, 6)], certificates, routes=routes),
        http_service("plain", [endpoint(SHOP[4], 80) + "/tcp"], pool="pages"),
        {"name": "stream", "mode": "tcp", "listen": [endpoint(STREAM, 25) + "/tcp"], "pool": "stream"}]
    if not kernel:
        result["pools"].append(configuration.pool("web", site.backends, 80))
        result["services"].append(configuration.service("web", [endpoint(WEB[4], 80) + "/tcp"], "web"))
    if origin:
        result["pools"].append(l7_pool("origin", [b1, b2], ORIGIN_PORT))
        routes = [route("cache", "/cache/", "origin", cache="edge"), route("origin", "/", "origin")]
        result["services"] += [http_service("origin", [endpoint(SHOP[4], 8080) + "/tcp"], routes=routes),
                               http_service("origin_tls", [endpoint(SHOP[4], 8443) + "/tcp"], certificates[:1], routes=routes)]
    return result


class Web(Client):
    """Site, servers and product, all running. `change` may edit the document before the start; low ports are as on any host."""

    def __init__(self, kernel=True, origin=False, shards=(0, 1), device="net_af_packet", change=None, make_cardea=Cardea):
        transport = os.environ.get("CARDEA_L7_TRANSPORT", "kernel")
        kernel = kernel and transport == "kernel"
        self.kernel, self.origin_wanted, self.make_cardea = kernel, origin, make_cardea
        self.site = Site(backends=3, kernel=kernel, shared=device.endswith(" shared"))
        self.authority = Authority(self.site.run.path / "tls")
        self.document = document(self.site, self.authority, kernel, origin, shards, device)
        self.document["l7"]["transport"] = transport
        if change:
            change(self.document)
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with self._stack:
            site = self._stack.enter_context(self.site)
            site.lb.sysctl({"net.ipv4.ip_unprivileged_port_start": 1024})
            self.nginx = {b.name: Nginx(site, b).start() for b in site.backends}
            self.origins = [Origin(site, b).start() for b in site.backends[:2]] if self.origin_wanted else []
            site.client.name_hosts(dict.fromkeys(HOSTS, SHOP[4]))
            self.cardea = self.make_cardea(site, self.document)
            self._stack.callback(self.site.run.keep_logs)
            self._stack.callback(self.cardea.stop)
            self.cardea.start()
            self.cardea.until_backends("up")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *what):
        return self._stack.__exit__(*what)

    def reload(self, **options):
        self.cardea.write(self.document)
        return self.cardea.reload(**options)

    def service(self, name):
        return next(s for s in self.document["services"] if s["name"] == name)

    def pool(self, name):
        return next(p for p in self.document["pools"] if p["name"] == name)
