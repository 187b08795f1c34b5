"""A site that runs one of conf/examples as it is written: only the folders of certificates and logs are the run's own.

The examples agree on two hosts, shop.example and blog.example, whose certificates are made by the run's authority.
"""
import contextlib

from lab.authority import Authority
from lab.cardea import TREE, Cardea
from lab.client import Client
from lab.nginx import Nginx
from lab.site import Site
from lab.udp_echo import UdpEcho

HOSTS = ("shop.example", "blog.example")


def text(name, run, folder=None):
    """The document, with the run's own folders in place of the host's."""
    document = (TREE / "conf/examples" / name).read_text()
    own = {"/etc/cardea/tls": folder or run.path / "tls", "/var/log/cardea": run.logs, "/srv/www": run.path / "www"}
    for theirs, ours in own.items():
        document = document.replace(theirs, str(ours))
    return document


def is_shared(name):
    """Whether Linux keeps the interfaces of its ports."""
    return "net_af_xdp" in (TREE / "conf/examples" / name).read_text()


def issue_certificates(run):
    """One key of each kind the field uses."""
    authority = Authority(run.path / "tls")
    for host, kind in zip(HOSTS, ("ec", "rsa"), strict=True):
        authority.issue(host, kind=kind)
    return authority


class Example(Client):
    """Use as a context manager. `address`: where the example serves HTTPS."""

    def __init__(self, name, address, kernel):
        self.name, self.address = name, address
        self.site = Site(backends=3, kernel=kernel, shared=is_shared(name))
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with self._stack:
            site = self._stack.enter_context(self.site)
            self.authority = issue_certificates(site.run)
            self.nginx = {b.name: Nginx(site, b).start() for b in site.backends}
            for backend in site.backends:
                UdpEcho(site, backend).start()
            site.client.name_hosts(dict.fromkeys((*HOSTS, "www.blog.example"), self.address))
            self.cardea = Cardea(site, text(self.name, site.run))
            self._stack.callback(self.cardea.stop)
            self.cardea.start()
            self.cardea.until_backends("up")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *what):
        return self._stack.__exit__(*what)
