"""What GRUB remembers of an image's two roots, and who changes it: an upgrade, the way back, a root that serves. Without starting it, which
tests/machine/test_image.py does."""
import contextlib
import importlib.machinery
import importlib.util
import shutil
import subprocess
import threading

import pytest

from lab.cardea import TREE


def loaded(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(TREE / "deploy/image" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


FRESH = {"good": "a", "whole": "a", "trial": "", "failed": ""}  # as tools/image makes it


class Host:
    """cardea-image on a host whose boot partition is a folder, and whose programs are noted in place of being run."""

    def __init__(self, folder, monkeypatch):
        self.image, self.folder, self.ran, self.failing, self.words = loaded("cardea-image"), folder, [], "", {}
        (folder / "grub").mkdir()
        (folder / "grub/grubenv").write_text(self.image.write_block(FRESH))
        monkeypatch.setattr(self.image, "boot_partition", self.boot_partition)
        monkeypatch.setattr(self.image, "command_line", lambda: self.words)
        monkeypatch.setattr(self.image, "is_missing", lambda: "")
        monkeypatch.setattr(self.image, "mount_point", lambda: contextlib.nullcontext(folder / "root"))
        monkeypatch.setattr(self.image, "run", self.run)
        monkeypatch.setattr(self.image.os, "sync", lambda: None)

    @contextlib.contextmanager
    def boot_partition(self, writable=False):
        yield self.folder

    def run(self, *argv, **_):
        self.ran.append(" ".join(map(str, argv)))
        if self.failing and self.failing in self.ran[-1]:
            raise subprocess.CalledProcessError(1, argv)

    def known(self, *names):
        block = self.image.noted(self.folder)
        return tuple(block.get(name) for name in names)

    def starts(self, root, on_trial):
        self.words = {"cardea.slot": root, **({"cardea.trial": "600"} if on_trial else {})}


@pytest.fixture
def host(tmp_path, monkeypatch):
    return Host(tmp_path, monkeypatch)


def test_an_upgrade_that_serves_is_the_good_one_and_back_tries_the_one_before(host, capsys):
    host.image.make(security=True)
    assert host.known("good", "trial", "tries", "whole") == ("a", "b", "3", "ab")
    host.starts("b", on_trial=True)
    host.image.up()
    assert host.known("good", "trial") == ("b", "")
    host.starts("b", on_trial=False)
    host.image.back()
    assert host.known("good", "trial", "tries", "patience") == ("b", "a", "1", "600") and "is tried once" in capsys.readouterr().out


def test_a_root_that_was_never_made_is_not_gone_back_to(host):
    with pytest.raises(SystemExit, match="root b was never made whole"):
        host.image.back()
    assert host.known("good", "trial") == ("a", "")


def test_nor_is_one_that_was_cut_off_while_it_was_made(host):
    host.image.make()
    host.image.remember(trial="")
    host.failing = "apt-get clean"
    with pytest.raises(subprocess.CalledProcessError):
        host.image.make()
    with pytest.raises(SystemExit, match="never made whole"):
        host.image.back()


def test_nor_is_one_that_failed(host):
    host.image.make()
    host.image.remember(trial="", failed="b")
    with pytest.raises(SystemExit, match="root b did not come up"):
        host.image.back()


def test_on_trial_the_way_back_is_to_the_good_one_and_stays_chosen(host, capsys):
    host.image.make()
    host.starts("b", on_trial=True)
    host.image.back()
    host.image.up()
    assert host.known("good", "trial") == ("a", "") and "was chosen meanwhile" in capsys.readouterr().out


@pytest.mark.parametrize("on_trial,why", [(True, "is on trial itself"), (False, "was chosen in GRUB's menu and root a is the good one")])
def test_only_the_good_one_is_copied(host, on_trial, why):
    host.starts("b", on_trial)
    with pytest.raises(SystemExit, match=why):
        host.image.make()
    assert host.ran == []


def test_what_somebody_prepared_is_left_at_night(host, capsys, monkeypatch):
    monkeypatch.setattr(host.image, "anything_newer", lambda: pytest.fail("it has nothing to do"))
    host.image.make()
    before, _ = list(host.ran), capsys.readouterr()
    host.image.unattended()
    assert host.ran == before and "root b is to be tried already" in capsys.readouterr().out


def test_packages_come_with_debians_lists_where_these_can_be_had(host, tmp_path, capsys):
    host.image.make(packages=[tmp_path / "cardea_1.deb"])
    updated, installed = (next(n for n, row in enumerate(host.ran) if word in row) for word in (" update", " install "))
    assert updated < installed
    host.image.remember(trial="")
    host.failing = " update"
    host.image.make(packages=[tmp_path / "cardea_1.deb"])
    assert host.known("trial") == ("b",) and "lists cannot be had" in capsys.readouterr().err
    with pytest.raises(subprocess.CalledProcessError):
        host.image.make(security=True)


def test_kernels_that_are_not_used_any_more_are_taken_away(host):
    host.image.make(security=True)
    upgraded, removed = (next(n for n, row in enumerate(host.ran) if word in row) for word in (" upgrade", "--purge autoremove"))
    assert upgraded < removed


def test_a_copy_knows_the_name_servers_of_the_root_it_is_made_of(host):
    (host.folder / "root/etc").mkdir(parents=True)
    host.image.furnish(host.folder / "root")
    assert f"mount --bind /etc/resolv.conf {host.folder}/root/etc/resolv.conf" in host.ran
    (host.folder / "root/run/systemd/resolve").mkdir(parents=True)
    (host.folder / "root/etc/resolv.conf").symlink_to("../run/systemd/resolve/resolv.conf")
    host.ran.clear()
    host.image.furnish(host.folder / "root")
    assert (host.folder / "root/run/systemd/resolve/resolv.conf").exists() and not any("resolv.conf" in row for row in host.ran)


def test_packages_come_from_where_the_site_says_and_the_new_root_keeps_debians_word(host, monkeypatch):
    """The site's sources are lent; what packages write there meanwhile, and nothing else, is in the new root."""
    site, root = host.folder / "site", host.folder / "root"
    for there, sources in ((site, "a mirror"), (root / "etc/apt", "Debian")):
        (there / "trusted.gpg.d").mkdir(parents=True)
        (there / "sources.list").write_text(sources)
        (there / "trusted.gpg.d/old.asc").write_text("old")
    monkeypatch.setattr(host.image, "SOURCES", site)
    host.image.lend_sources(root)
    lent = root / "tmp/sources"
    assert host.ran == [f"cp -a {site} {lent}", f"mount --bind {lent} {root}/etc/apt"]
    shutil.copytree(site, lent)
    (lent / "trusted.gpg.d/old.asc").write_text("newer")
    (lent / "trusted.gpg.d/new.asc").write_text("new")
    host.image.take_sources_back(root)
    own = {file.name: file.read_text() for file in (root / "etc/apt").rglob("*") if file.is_file()}
    assert own == {"sources.list": "Debian", "old.asc": "newer", "new.asc": "new"} and host.ran[-1] == f"umount {root}/etc/apt"


def test_what_grub_remembers_keeps_its_size():
    image = loaded("cardea-image")
    block = image.write_block({"good": "a", "trial": "b", "tries": 3, "failed": ""})
    assert len(block) == 1024 and block.startswith("# GRUB Environment Block\ngood=a\ntrial=b\n")
    assert image.read_block(block) == {"good": "a", "trial": "b", "tries": "3", "failed": ""}
    with pytest.raises(ValueError, match="room"):
        image.write_block({"good": "a" * 1024})


def test_the_boot_partition_is_one_processs_at_a_time(tmp_path, monkeypatch):
    image, held, order = loaded("cardea-image"), threading.Event(), []
    monkeypatch.setattr(image, "LOCK", tmp_path / "lock")

    def second():
        held.wait()
        with image.alone():
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with image.alone():
        held.set()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_mount_that_stays_does_not_hide_what_went_wrong(monkeypatch, capsys, tmp_path):
    image = loaded("cardea-image")
    monkeypatch.setattr(image.tempfile, "mkdtemp", lambda **_: str(tmp_path))
    with pytest.raises(ValueError, match="the first"), image.mount_point() as folder:
        (folder / "busy").touch()
        raise ValueError("the first")
    assert "is left" in capsys.readouterr().err
