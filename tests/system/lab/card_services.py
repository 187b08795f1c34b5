"""A guest's Cardea with two services, one by packet and one by request over TLS, and what clients see of them."""
import contextlib

from lab import configuration
from lab.card_site import PATIENT_HEALTH, CardHost
from lab.site import SERVICES, endpoint
from lab.web import http_service, l7_pool, route

WEB, SHOP = SERVICES.address(10, 4), SERVICES.address(20, 4)


class CardServices(CardHost):
    def serve(self, metrics=None):
        """With the packages installed and the cards given. `metrics`: where their page is, if elsewhere than usual."""
        self.site.client.name_hosts({"shop.example": SHOP})
        written, backends = self.document(), self.site.backends
        written["l7"] = {"shards": [0]}
        written["pools"] = [configuration.pool("web", backends, 80, health=PATIENT_HEALTH),
                            {**l7_pool("pages", backends), "health": PATIENT_HEALTH}]
        written["services"] = [
            configuration.service("web", [endpoint(WEB, 80) + "/tcp"], "web"),
            http_service("shop", [endpoint(SHOP, 443) + "/tcp"], [self.certificate("shop.example")], routes=[route("all", "/", "pages")])]
        if metrics:
            written["mgmt"]["metrics"] = metrics
        self.start(written)

    def names(self):
        return {backend.name for backend in self.site.backends}

    def balanced(self, check=True):
        return self.curl(f"http://{WEB}/", timeout=40, check=check).stdout.strip()

    def served(self):
        return self.curl("https://shop.example/", timeout=40).stdout.strip()

    def main_pid(self, unit):
        return self.guest.show(unit, "MainPID")[0]

    @contextlib.contextmanager
    def traffic(self):
        """Connections through layer 4 and exchanges over TLS, one after another on each, from before until after what is done meanwhile:
        none of them may fail, and a connection stays where it is."""
        words = ("--connections", 4, "--pause", 0.5, "--timeout", 60, "--seconds", 900)
        kinds = {"flows": self.load("flows", "hold", WEB, 80, *words),
                 "exchanges": self.load("exchanges", "hold", SHOP, 443, *self.tls(), "--reopen", *words)}
        yield
        told = {name: load.stop() for name, load in kinds.items()}
        for name, result in told.items():
            assert result["failed"] == 0 and result["requests"] >= 40, (name, result)
        assert told["flows"]["moved"] == 0, told
