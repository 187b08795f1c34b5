"""The product on a booted machine (lab/machine.py): what its examples' configurations need there, and the units that run them."""
import contextlib
import json
import os
import pathlib
import re

from lab.authority import Authority, ticket_key
from lab.cardea import TREE, sections_of
from lab.machine import Machine
from lab.wait import until

EXAMPLES = sorted(path.name for path in (TREE / "conf/examples").glob("*.cfg"))
CPUS = sorted(os.sched_getaffinity(0))
UNITS = {"dataplane": "cardea-dataplane", "l7": "cardea-l7"}


@contextlib.contextmanager
def furnished_machine(folder):
    """With the product installed, two cards, and certificates made in `folder`."""
    with Machine(os.environ.get("CARDEA_BIN_DIR", TREE / "build/release")) as machine:
        furnish(machine, folder)
        yield machine


def furnish(machine, folder):
    """With what the examples name of it. Certificates are made in `folder`."""
    give_certificates(machine, Authority(folder))
    give_keys(machine)
    machine.run("mkdir", "-p", *named_in_examples(r'root = "([^"]+)"'))
    for number in range(2):
        machine.run("ip", "link", "add", f"nic{number}", "type", "veth", "peer", "name", f"far{number}")
        for name in (f"nic{number}", f"far{number}"):
            machine.run("ip", "link", "set", name, "up")


def named_in_examples(pattern):
    return sorted(set(re.findall(pattern, "".join((TREE / "conf/examples" / name).read_text() for name in EXAMPLES))))


def give_certificates(machine, authority):
    """Every file in /etc/cardea/tls that one of the examples names, keys for cardea-l7 alone."""
    for name in named_in_examples(r'"/etc/cardea/tls/([^"]+)"'):
        if name.endswith(".crt"):
            pair = authority.issue(name.removesuffix(".crt"))
            machine.write(f"/etc/cardea/tls/{name}", pathlib.Path(pair["cert"]).read_text())
            key = f"/etc/cardea/tls/{name.removesuffix('.crt')}.key"
            machine.write(key, pathlib.Path(pair["key"]).read_text(), owner="root:cardea-l7", mode="640")
        elif name.endswith(".pem"):
            machine.write(f"/etc/cardea/tls/{name}", authority.certificate.read_text())
        elif name == "tickets":
            machine.write(f"/etc/cardea/tls/{name}", ticket_key() + "\n", owner="root:cardea-l7", mode="640")


def give_keys(machine):
    """The files by which the examples' clients show who they are: a public key (RFC 7517 A.1) and a key of an interface."""
    key = {"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}
    for name in named_in_examples(r'jwks = "([^"]+)"'):
        machine.write(name, json.dumps({"keys": [key]}))
    for name in named_in_examples(r'api_keys: { file = "([^"]+)"'):
        machine.write(name, "shop:0123456789abcdef-example\n", owner="root:cardea-l7", mode="640")


def on_machine(name, cpus, cards=()):
    """The example, with CPUs and cards that a machine has: `cards` on PCI where the example has such, else its veths."""
    text = (TREE / "conf/examples" / name).read_text()
    numbers = iter(range(2))
    driver = "net_af_xdp" if "net_af_xdp" in text else "net_af_packet"

    def device(_):
        number = next(numbers)
        return f'device = "{cards[number] if cards and driver == "net_af_packet" else f"{driver}{number},iface=nic{number}"}"'

    text = re.sub(r'device = "[^"]*"', device, text)
    text = re.sub(r"workers = \[[^]]*\]", f"workers = [{cpus[0]}]", text)
    return re.sub(r"shards = \[[^]]*\]", f"shards = [{cpus[-1]}]", text)


class Running:
    """The product on the machine, with one of the examples; `text` is that one as it is for this machine."""

    def __init__(self, machine, name, text="", patience=60):
        self.machine, self.patience, text = machine, patience, text or on_machine(name, CPUS)
        self.units = ["cardea-mgmt", *(unit for section, unit in UNITS.items() if section in sections_of(text))]
        if "waf: { mode" in text and machine.show("cardea-waf", "LoadState") == ["loaded"]:  # a package of its own
            self.units.append("cardea-waf")
        machine.write(re.search(r"--config (\S+)", machine.run("systemctl", "cat", "cardea-mgmt").stdout)[1], text)

    def __enter__(self):
        try:
            self.machine.run("systemctl", "start", *self.units, timeout=self.patience)
            until(self.serves, self.patience, "the units serve")
        except Exception as failed:
            told = self.machine.run("cardea", "status", check=False)
            raise AssertionError("\n".join([str(failed), told.stdout, told.stderr, *map(self.machine.journal, self.units)])) from failed
        return self

    def __exit__(self, *what):
        self.machine.run("systemctl", "stop", *self.units, timeout=120)
        self.machine.run("sh", "-c", "rm -rf /var/lib/cardea/*")

    def serves(self):
        for unit in self.units:
            restarts, state = self.machine.show(unit, "NRestarts", "ActiveState")
            assert restarts == "0" and state != "failed", f"{unit} is {state}, {restarts} restarts:\n{self.machine.journal(unit)}"
        done = self.machine.run("cardea", "status", check=False)
        return done.returncode == 0 and "nothing yet" not in done.stdout and "not connected" not in done.stdout
