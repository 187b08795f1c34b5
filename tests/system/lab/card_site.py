"""The small site with a guest for the appliance (guest.py): the client's wire and the lan's socket end in network cards on its PCI
bus, and the product on it is what `apt install` makes of the packages.

    client ──TAP── wan card ┐ guest ┌ lan card ──TAP── lan ── b1, b2, b3
"""
import contextlib
import json
import shutil

from lab import configuration, debs
from lab.authority import Authority
from lab.cardea import adopted_generation, sections_of
from lab.client import Client
from lab.guest import Card, Guest
from lab.guest_image import GuestImage, debian_tree
from lab.nginx import Nginx
from lab.site import Site
from lab.wait import until

EXTRA = ["logrotate"]  # what the packages recommend and a test looks at
CONFIGURATION = "/etc/cardea/cardea.cfg"
PATIENT_HEALTH = {**configuration.HEALTH, "interval": "2s", "timeout": "1900ms"}
UNITS = {"dataplane": "cardea-dataplane", "l7": "cardea-l7"}
FLOWS = 20_000
HUGEPAGES_MB = 320


class CardSite(Site):
    """Without an lb namespace of use: its place is the guest's."""

    def __init__(self, model="e1000e", queues=1, options=""):
        super().__init__(backends=3)
        self.cards = [Card("wan", model, "02:00:00:00:01:01", "wan", queues, options),
                      Card("lan", model, "02:00:00:00:01:02", "lb", queues, options)]

    def _wire_lb(self):
        wan, lan = self.cards
        wan.plug(self.client)
        lan.plug(self.lan)
        self.lan.ip("link set lb master lan")

    def _prepare_lb(self):
        """The guest's cards are its own."""


class CardHost(Client):
    """Site, servers, and a guest with the packages installed and its cards given to DPDK; nothing of the product runs yet."""

    def __init__(self, **card):
        self.site = CardSite(**card)
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with self._stack:
            self._stack.enter_context(self.site)
            self.authority = Authority(self.site.run.path / "tls")
            self.nginx = {b.name: Nginx(self.site, b).start() for b in self.site.backends}
            self.debs = debs.built()
            image = GuestImage([*debian_tree.dependencies(debs.installed(self.debs)), *EXTRA]).make()
            self._stack.callback(self._keep_logs)
            self.guest = self._stack.enter_context(Guest(image, self.site.run.path / "guest", self.site.cards))
            self.cardea = self
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *what):
        return self._stack.__exit__(*what)

    def _keep_logs(self):
        kept = self.site.run.keep_logs()
        with contextlib.suppress(OSError):
            shutil.copy(self.site.run.path / "guest/console.log", kept)

    def install(self, packages, *options):
        """As an operator does it, from files; what they depend on is there."""
        for deb in packages:
            self.guest.copy(deb, f"/root/{deb.name}")
        return self.guest.run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", *options, *(f"/root/{d.name}" for d in packages),
                              timeout=300)

    def give_cards(self):
        """Huge pages, and both cards to vfio-pci. Returns what host-setup says."""
        self.addresses = {card.name: self.guest.pci_address(card) for card in self.site.cards}
        nics = [word for address in self.addresses.values() for word in ("--nic", address)]
        return self.guest.run("cardea-host-setup", "--hugepages", HUGEPAGES_MB, *nics, timeout=120).stdout

    def document(self, workers=(1,)):
        """The lab's two ports on these cards; pools and services are the test's."""
        document = configuration.for_site(workers=workers, flows=FLOWS)
        for port in document["dataplane"]["ports"]:
            port["device"] = self.addresses[port["name"]]
        return document

    def certificate(self, name):
        """Made, and put where the guest's L7 reads it; as the configuration names it."""
        pair = self.authority.issue(name)
        for kind, path in pair.items():
            self.guest.write(f"/etc/cardea/tls/{name}.{kind}", open(path).read(), owner="root:cardea-l7", mode="640")
        return {kind: f"/etc/cardea/tls/{name}.{kind}" for kind in pair}

    def start(self, document):
        self.configure(document)
        sections = sections_of(configuration.text(document))
        self.units = ["cardea-mgmt", *(unit for section, unit in UNITS.items() if section in sections)]
        try:
            self.guest.run("systemctl", "start", *self.units, timeout=180)
            self.until_serving()
        except Exception as failed:
            raise AssertionError("\n".join([str(failed), *map(self.guest.journal, self.units)])) from failed

    def configure(self, document):
        self.guest.write(CONFIGURATION, configuration.text(document))

    def until_serving(self, seconds=60):
        """Every process runs the newest plan, and every backend is up."""
        until(self._serves, seconds, "the guest's Cardea serves", pause=0.5)

    def _serves(self):
        told = self.guest.run("cardea", "--json", "status", check=False)
        if told.returncode != 0:
            return False
        running = [name for name, unit in UNITS.items() if unit in self.units]
        if not all(adopted_generation(json.loads(told.stdout), name) > 0 for name in running):
            return False
        return all(row["state"] == "up" for row in self.cli("show", "backends")["backends"])

    def cli(self, *words):
        return json.loads(self.guest.run("cardea", "--json", *words).stdout)

    def metrics_page(self):
        return self.guest.run("curl", "-sSf", "--max-time", "20", "http://127.0.0.1:9477/metrics").stdout

    def stop(self):
        self.guest.run("systemctl", "stop", *self.units, timeout=180)
