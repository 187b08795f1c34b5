"""A site whose one backend is a Python server that decides byte by byte what it says, before cardea-l7 on the kernel's sockets."""
import contextlib
import functools

from lab import configuration
from lab.authority import Authority
from lab.cardea import Cardea
from lab.client import Client
from lab.raw_origin import RawOrigin
from lab.site import Site

ORIGIN_PORT = 9000


def document(site, **l7):
    """Without pools and services; one shard, as what is tried here is told apart by it."""
    result = configuration.for_site()
    del result["dataplane"]
    result["l7"] = {"shards": [0], "transport": "kernel", "access_log": str(site.run.logs / "access.log"), **l7}
    return result


class RawSite(Client):
    """Site, backend and product, all running. `document` makes the configuration of this object, `prepare` has the backend before
    the start."""

    def __init__(self, document, origin=RawOrigin, prepare=lambda origin: None):
        self.site = Site(backends=1, kernel=True)
        self._document, self._origin, self._prepare = document, origin, prepare
        self._stack = contextlib.ExitStack()

    @functools.cached_property
    def authority(self):
        return Authority(self.site.run.path / "tls")

    def __enter__(self):
        with self._stack:
            self._stack.enter_context(self.site)
            self.origin = self._origin(self.site.backends[0], ORIGIN_PORT)
            self._stack.callback(self.origin.close)
            self._prepare(self.origin)
            self.cardea = Cardea(self.site, self._document(self))
            self._stack.callback(self.cardea.stop)
            self.cardea.start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *what):
        return self._stack.__exit__(*what)
