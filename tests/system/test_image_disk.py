"""What an image makes of its disk at its first start (deploy/image/make-room), on a file in place of a disk, and what it does with what is
wrong with it (keep-apart). Started, it is in tests/machine/test_image.py."""
import os
import re
import subprocess

import pytest

from lab.cardea import TREE

TABLE = """label: gpt
start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649, name="cardea-bios"
start=4096, size=81920, type=uefi, name="cardea-boot"
start=86016, size=900000, type=linux, name="cardea-root-a"
"""
DATA_AT = 86016 + 2 * 3145728
# The kernel's part: a partition appears when it is in the table, with what the disk has there.
UDEVADM = """#!/bin/sh
if [ ! -e {0}/labels/cardea-data ] && sfdisk --dump {0}/disk 2> /dev/null | grep -q cardea-data; then
  dd if={0}/disk of={0}/labels/cardea-data bs=512 skip={1} count=32768 status=none
fi
"""


PANIC = 'panic() { echo "panic: $*"; exit 9; }'  # in place of the ramdisk's functions


class Disk:
    def __init__(self, folder, size="8G", earlier=b""):
        self.folder, self.path, self.data = folder, folder / "disk", folder / "labels/cardea-data"
        (folder / "labels").mkdir()
        with open(self.path, "wb") as file:
            file.truncate(600_000_000)
        subprocess.run(["sfdisk", "--quiet", self.path], input=TABLE, text=True, check=True)
        subprocess.run(["truncate", "-s", size, self.path], check=True)
        if earlier:
            with open(self.path, "r+b") as file:
                file.seek(DATA_AT * 512)
                file.write(earlier)
        for name, text in {"udevadm": UDEVADM.format(folder, DATA_AT), "sync": "#!/bin/sh\n"}.items():  # this host's disks are not meant
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        text = (TREE / "deploy/image/make-room").read_text()
        for ours, here in {". /scripts/functions": PANIC, "/dev/disk/by-partlabel": f"{folder}/labels",
                           '"$(disk_of_the_image)"': str(self.path), "/run/": f"{folder}/", "[ -b ": "[ -e "}.items():
            assert ours in text
            text = text.replace(ours, here)
        (folder / "make-room").write_text(text)

    def start(self):
        environment = {**os.environ, "PATH": f"{self.folder}:/usr/sbin:/usr/bin:/sbin:/bin"}
        return subprocess.run(["sh", self.folder / "make-room"], capture_output=True, text=True, check=False, env=environment)

    def table(self):
        dump = subprocess.run(["sfdisk", "--dump", self.path], capture_output=True, text=True, check=True).stdout
        return {name: (int(start), int(size)) for start, size, name in re.findall(r'start= *(\d+), size= *(\d+),.*name="(.*)"', dump)}

    def kind(self):
        return subprocess.run(["blkid", "-p", "-s", "TYPE", "-o", "value", self.data], capture_output=True, text=True, check=False).stdout.strip()

    def spoil(self, at, what):
        with open(self.data, "r+b") as file:
            file.seek(at)
            file.write(what)


def test_room_is_made_over_what_an_earlier_use_left(tmp_path):
    disk = Disk(tmp_path, earlier=b"\x53\xef" * 32768)
    done = disk.start()
    assert (done.returncode, done.stderr) == (0, "") and "making room" in done.stdout
    table = disk.table()
    assert table["cardea-root-a"] == (86016, 3145728) and table["cardea-root-b"] == (86016 + 3145728, 3145728)
    assert table["cardea-data"][0] == DATA_AT and disk.kind() == "ext4"


def test_a_later_start_changes_nothing(tmp_path):
    disk = Disk(tmp_path)
    disk.start()
    before = disk.data.read_bytes(), disk.table()
    done = disk.start()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "") and (disk.data.read_bytes(), disk.table()) == before


def test_a_start_that_was_cut_off_behind_the_table_is_made_good(tmp_path):
    disk = Disk(tmp_path)
    disk.start()
    disk.data.unlink()  # and with it what mke2fs wrote: the disk itself has the table and zeroes
    assert disk.start().returncode == 0 and disk.kind() == "ext4"


def test_a_damaged_file_system_is_not_made_anew(tmp_path):
    disk = Disk(tmp_path)
    disk.start()
    disk.spoil(1024, bytes(1024))  # its superblock
    before = disk.data.read_bytes()
    assert disk.kind() != "ext4"
    disk.start()
    assert disk.data.read_bytes() == before


def test_what_cannot_be_read_whole_is_not_made_anew(tmp_path):
    disk = Disk(tmp_path)
    disk.start()
    disk.data.write_bytes(bytes(1000))
    disk.start()
    assert disk.data.read_bytes() == bytes(1000)


def test_a_disk_that_is_too_small_is_left_as_it_is(tmp_path):
    disk = Disk(tmp_path, size="2G")
    before = disk.table()
    done = disk.start()
    assert done.returncode == 9 and "panic: Cardea: no room on" in done.stdout
    assert disk.table() == before and not disk.data.exists() and disk.path.stat().st_size == 2 * 1024**3


def kept_apart(folder, e2fsck=0, refused="nothing"):
    """keep-apart with programs that do nothing, but for what e2fsck finds and the mount that is refused."""
    for name, text in {"e2fsck": f"echo its findings; exit {e2fsck}", "modprobe": "", "mount": f"case \"$*\" in *{refused}*) exit 32 ;; esac"}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    text = (TREE / "deploy/image/keep-apart").read_text()
    for ours, here in {". /scripts/functions": PANIC, "/run/": f"{folder}/"}.items():
        assert ours in text
        text = text.replace(ours, here)
    environment = {"PATH": f"{folder}:/usr/bin:/bin", "rootmnt": str(folder / "root")}
    done = subprocess.run(["sh", "-c", text, "sh"], capture_output=True, text=True, check=False, env=environment)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize("status,word", [(0, ""), (1, ""), (2, ""), (4, "is damaged"), (8, "is damaged"), (12, "is damaged")])
def test_what_e2fsck_cannot_mend_is_not_written_to(tmp_path, status, word):
    code, told = kept_apart(tmp_path, e2fsck=status)
    assert (code, "its findings" in told) == ((9, True) if word else (0, False)) and word in told
    assert (tmp_path / "root/data").exists() != bool(word)


@pytest.mark.parametrize("refused,word", [("noatime", "what is kept cannot be mounted"), ("upperdir", "/etc cannot be laid over"),
                                          ("bind", "/etc/cardea cannot be mounted")])
def test_a_mount_that_fails_is_named(tmp_path, refused, word):
    code, told = kept_apart(tmp_path, refused=refused)
    assert code == 9 and word in told
