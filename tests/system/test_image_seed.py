"""What an image is told at its first start, and what it makes of that. Without starting it, which tests/machine/test_image.py
does."""
import contextlib
import importlib.machinery
import importlib.util
import types

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
    ("hugepages = many", "invalid literal"), ("hugepages = -1", "less than 0"), ("updates = yes", "none or security"), ("address = 192.0.2.5/24", "needs a gateway")])
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


class FirstStart:
    """first-boot on a host whose boot partition and root are folders; what it does is noted in its order."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.boot, self.site, self.did = folder, folder / "boot", folder / "cardea", []
        for made in (self.boot / "tls", self.site / "tls", folder / "units"):
            made.mkdir(parents=True)
        for unit in ("cardea-mgmt", "cardea-l7"):
            (folder / "units" / f"{unit}.service").touch()
        for name, value in {"DONE": folder / "set-up", "UNITS": folder / "units", "SITE": self.site, "HOST_KEY": folder / "key", "image": self.image,
                            "run": lambda *argv, **_: self.did.append(" ".join(map(str, argv))), "own_interface": lambda _: "eno1",
                            "write": lambda root, made: self.did.append("files")}.items():
            monkeypatch.setattr(first_boot, name, value)
        monkeypatch.setattr(first_boot.os, "sync", lambda: self.did.append(f"synced{' done' if first_boot.DONE.exists() else ''}"))
        monkeypatch.setattr(first_boot.shutil, "chown", lambda *_: None)
        monkeypatch.setattr(first_boot.subprocess, "run", lambda *_, **__: None)
        monkeypatch.setattr(first_boot.sys, "argv", ["first-boot"])

    def image(self):
        @contextlib.contextmanager
        def boot_partition(writable):
            assert writable
            yield self.boot
            self.did.append("boot partition left" + (" with a seed" if (self.boot / "seed.conf").exists() else ""))
        return types.SimpleNamespace(boot_partition=boot_partition, note=lambda _, **values: self.did.append(f"remembered {values}"))

    def told(self, seed, site=None):
        (self.boot / "seed.conf").write_bytes(seed if isinstance(seed, bytes) else seed.encode())
        if site is not None:
            (self.boot / "cardea.cfg").write_bytes(site)

    def asked(self):
        return any("cardea-questions@tty1" in row for row in self.did)


@pytest.fixture
def first_start(tmp_path, monkeypatch):
    return FirstStart(tmp_path, monkeypatch)


def test_a_seed_goes_when_all_it_told_is_on_the_disk(first_start):
    first_start.told("kernel = isolcpus=2\n")
    first_boot.main()
    told = [row for row in first_start.did if row.split()[0] in ("remembered", "files", "synced", "boot", "systemctl")]
    assert told == ["remembered {'extra': 'isolcpus=2'}", "files", "synced", "synced done", "boot partition left",
                    "systemctl --no-block restart systemd-networkd ssh"]


def test_a_site_is_taken_and_its_keys_are_nobody_elses(first_start):
    first_start.told("", b"\xef\xbb\xbfl7: { shards = [0]; };\n")
    (first_start.boot / "tls/x.key").write_bytes(b"key\xff")
    first_boot.main()
    assert (first_start.site / "cardea.cfg").read_text() == "l7: { shards = [0]; };\n"
    assert (first_start.site / "tls/x.key").read_bytes() == b"key\xff" and (first_start.site / "tls/x.key").stat().st_mode & 0o777 == 0o640
    assert list(first_start.boot.iterdir()) == [] and not first_start.asked()


def test_a_seed_of_an_editor_that_marks_utf8_is_read(first_start):
    first_start.told(b"\xef\xbb\xbfhostname = edge1\r\n")
    first_boot.main()
    assert "hostname edge1" in first_start.did


@pytest.mark.parametrize("seed,site,folder,why", [
    (b"hostname = caf\xe9\n", None, "", "seed.conf is not in UTF-8"), ("", b"# caf\xe9\n", "", "cardea.cfg is not in UTF-8"),
    ("", b"dataplane: { };\n", "", "cardea.cfg needs cardea-dataplane, which this image has not"), ("", None, "tls/old", "tls/old is no file"),
    ("hugepages = -5\n", None, "", "less than 0")])
def test_nothing_is_written_of_what_has_a_mistake(first_start, capsys, seed, site, folder, why):
    first_start.told(seed, site)
    if folder:
        (first_start.boot / folder).mkdir()
    first_boot.main()
    assert why in capsys.readouterr().out and first_start.asked()
    assert "files" not in first_start.did and "boot partition left with a seed" in first_start.did


def test_whatever_goes_wrong_with_a_seed_it_asks(first_start, monkeypatch, capsys):
    first_start.told("")
    monkeypatch.setattr(first_boot, "write", lambda *_: 1 / 0)
    first_boot.main()
    assert first_start.asked() and "ZeroDivisionError" in capsys.readouterr().err and (first_start.boot / "seed.conf").exists()


def test_name_servers_take_the_place_of_those_that_dhcp_tells(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").symlink_to("../run/systemd/resolve/resolv.conf")
    first_boot.write(tmp_path, {"etc/resolv.conf": ("nameserver 192.0.2.53\n", 0o644)})
    assert not (tmp_path / "etc/resolv.conf").is_symlink() and (tmp_path / "etc/resolv.conf").read_text() == "nameserver 192.0.2.53\n"


def test_a_cable_is_waited_for(monkeypatch):
    up_at = {"eno1": 1e9, "eno2": 0.5}  # seconds from now, in a time of its own
    now = [0.0]
    monkeypatch.setattr(first_boot, "cards", lambda: {"eno0": "0000:01:00.0", "eno1": "0000:02:00.0", "eno2": "0000:03:00.0"})
    monkeypatch.setattr(first_boot, "carrier", lambda name: now[0] >= up_at[name])
    monkeypatch.setattr(first_boot, "time", types.SimpleNamespace(monotonic=lambda: now[0], sleep=lambda s: now.__setitem__(0, now[0] + s)))
    assert first_boot.own_interface(first_boot.Seed(nic=["0000:01:00.0"])) == "eno2" and now[0] >= 10
    assert first_boot.own_interface(first_boot.Seed(interface="eno7")) == "eno7"
    assert first_boot.own_interface(first_boot.Seed(nic=["0000:01:00.0", "0000:02:00.0", "0000:03:00.0"])) == "eth0"
