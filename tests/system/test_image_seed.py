"""What an image is told at its first start, and what it makes of that. Without starting it, which tests/machine/test_image.py
does."""
import importlib.machinery
import importlib.util

import pytest

from lab.cardea import TREE


def loaded(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(TREE / "deploy/image" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


first_boot = loaded("first-boot")


def test_the_example_is_a_seed():
    text = (TREE / "deploy/image/seed.conf").read_text()
    seed, wrong = first_boot.parse(text)
    assert not wrong and seed.hostname == "edge1" and len(seed.key) == 1 and not seed.nic


def test_what_the_example_leaves_out_may_be_taken_in():
    text = (TREE / "deploy/image/seed.conf").read_text()
    whole = "\n".join(row.removeprefix("#") if not row.startswith("# ") else row for row in text.splitlines())
    seed, wrong = first_boot.parse(whole)
    assert not wrong and {row.partition(" =")[0] for row in whole.splitlines() if row[:1].isalpha()} == set(first_boot.READ)
    assert (seed.interface, seed.nic, seed.updates) == ("eno1", ["0000:01:00.0"], "security")


@pytest.mark.parametrize("row,why", [
    ("adress = 192.0.2.5/24", "is none of"), ("address = 192.0.2.500/24", "does not appear"), ("gateway = here", "does not appear"),
    ("hostname = two words", "a host's name"), ("nic = eth0", "a PCI address"), ("password = secret", "crypt"), ("key = AAAAB3", "public key"),
    ("hugepages = many", "invalid literal"), ("updates = yes", "none or security"), ("address = 192.0.2.5/24", "needs a gateway")])
def test_a_mistake_is_named(row, why):
    _, wrong = first_boot.parse(f"# one line\n{row}\n")
    assert len(wrong) == 1 and why in wrong[0], wrong


def test_every_mistake_is_named():
    _, wrong = first_boot.parse("nic = a\n\nnic = 0000:01:00.0\nnic = b\n")
    assert [row.partition(":")[0] for row in wrong] == ["line 1", "line 4"]


def test_files_are_made_of_it():
    seed, _ = first_boot.parse("address = 2001:db8::5/64\ngateway = 2001:db8::1\ndns = 2001:db8::53\ndns = 192.0.2.53\n"
                               "key = ssh-ed25519 AAAA alice\nkey = ssh-rsa BBBB bob\n")
    made = first_boot.files(seed, "eno1")
    assert made["etc/systemd/network/10-cardea.network"][0] == (
        "[Match]\nName=eno1\n[Network]\nAddress=2001:db8::5/64\nGateway=2001:db8::1\nDNS=2001:db8::53\nDNS=192.0.2.53\n")
    assert made["root/.ssh/authorized_keys"] == ("ssh-ed25519 AAAA alice\nssh-rsa BBBB bob\n", 0o600)
    assert "MACAddress=02:00:00:00:00:01\n[Network]\nDHCP=yes" in first_boot.network(first_boot.Seed(), "02:00:00:00:00:01")


@pytest.mark.parametrize("name,units", [("l4-edge.cfg", {"dataplane"}), ("l7-only.cfg", {"l7"}), ("full.cfg", {"dataplane", "l7"})])
def test_units_are_those_of_the_sites_sections(name, units):
    told = first_boot.daemons((TREE / "conf/examples" / name).read_text())
    assert set(told) == {"cardea-mgmt", *(f"cardea-{unit}" for unit in units)}
