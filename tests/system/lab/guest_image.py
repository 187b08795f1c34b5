"""The disk of a guest: a minimal Debian by mmdebstrap with what the product's packages depend on, made once and kept in
build/machine until the list of its packages changes; and the initial ramdisk that starts it, made anew for each boot.

Nothing is mounted for it: the file system is made of a folder, the ramdisk is written here. What a test brings along (its
agent, names, files) comes by the ramdisk, so the disk is Debian's own and does not change with the tests.
"""
import hashlib
import pathlib
import shutil
import stat
import sys

from lab import debs
from lab.cardea import TREE
from lab.namespace import run

sys.path.append(str(TREE / "tools"))
import debian_tree  # noqa: E402  what the image of the product is made by, too

KEPT = TREE / "build/machine"
BASE = ["systemd-sysv", "udev", "dbus", "kmod", "iproute2", "procps", "pciutils", "curl", "python3", "linux-image-amd64"]
# What a guest without a screen never loads is most of a kernel's modules.
LEFT_OUT = ["doc/*", "man/*", "locale/*"]
MODULES_LEFT_OUT = ["drivers/gpu", "drivers/media", "drivers/infiniband", "drivers/scsi", "drivers/staging", "drivers/usb", "drivers/iio",
                    "drivers/net/wireless", "drivers/isdn", "drivers/hid", "drivers/mtd", "drivers/input", "drivers/hwmon", "drivers/md",
                    "drivers/platform", "drivers/comedi", "drivers/bluetooth", "sound", "net/bluetooth", "net/mac80211", "fs/xfs",
                    "fs/btrfs", "fs/ocfs2", "fs/nfs", "fs/nfsd", "fs/smb", "fs/gfs2", "fs/f2fs", "fs/reiserfs", "fs/jfs", "net/netfilter",
                    "drivers/infiniband", "drivers/ata", "drivers/mmc", "drivers/power", "drivers/crypto", "drivers/leds"]
ROOT_MODULES = ["crc32c_generic", "virtio_pci", "virtio_blk", "ext4"]  # what it takes to see the disk
DISK_MB = 1400  # of which only what is written takes room

INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /new
/bin/busybox mount -t devtmpfs dev /dev
for module in $(/bin/busybox cat /modules/order); do /bin/busybox insmod /modules/$module; done
until /bin/busybox mount -t ext4 -o noatime /dev/vda /new; do /bin/busybox sleep 0.2; done
/bin/busybox cp -af /seed/. /new/
/bin/busybox mount --move /dev /new/dev
exec /bin/busybox switch_root /new /sbin/init
"""


class GuestImage:
    """`packages`: what is installed beside the base."""

    def __init__(self, packages):
        self.packages = sorted({*BASE, *packages})
        told = "\n".join([*self.packages, *LEFT_OUT, *MODULES_LEFT_OUT, str(DISK_MB)])
        self.folder = KEPT / f"guest-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
        self.disk, self.kernel, self.modules = (self.folder / name for name in ("disk", "vmlinuz", "modules"))

    def make(self):
        """Makes it where it is not there yet, and takes away those of other lists."""
        with debs.making("guest"):
            if not self.folder.exists():
                self._make()
        return self

    def _make(self):
        for old in KEPT.glob("guest-*"):
            shutil.rmtree(old)
        new = KEPT / "new-guest"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        bootstrap(self.packages, new / "root")
        keep_boot_files(new / "root", new)
        run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", new / "root", new / "disk", f"{DISK_MB}M"], timeout=300)
        shutil.rmtree(new / "root")
        new.rename(self.folder)

    def write_ramdisk(self, path, seed):
        """`seed`: what is laid over the disk, {path: text, or a Path to link to}."""
        with open(path, "wb") as file:
            archive = Archive(file)
            archive.add("init", 0o755, INIT.encode())
            archive.add("bin/busybox", 0o755, pathlib.Path("/bin/busybox").read_bytes())
            for module in sorted(self.modules.iterdir()):
                archive.add(f"modules/{module.name}", 0o644, module.read_bytes())
            for name, what in seed.items():
                archive.add_seed(f"seed{name}", what)
            archive.end()


def bootstrap(packages, folder):
    excluded = [f"/usr/share/{part}" for part in LEFT_OUT] + [f"/lib/modules/*/kernel/{part}/*" for part in MODULES_LEFT_OUT]
    run(debian_tree.command(packages, folder, excluded), timeout=1500)


def keep_boot_files(root, folder):
    """The kernel, and the modules that the ramdisk loads with the order to load them in."""
    version = next((root / "lib/modules").iterdir()).name
    shutil.copy(root / f"boot/vmlinuz-{version}", folder / "vmlinuz")
    for file in (root / "boot").glob("initrd*"):
        file.unlink()
    (folder / "modules").mkdir()
    needs = module_needs(root / "lib/modules" / version)
    order = dict.fromkeys(path for name in ROOT_MODULES for path in [*reversed(needs[name][1]), needs[name][0]])
    for path in order:
        shutil.copy(root / "lib/modules" / version / path, folder / "modules")
    (folder / "modules/order").write_text("\n".join(pathlib.Path(path).name for path in order) + "\n")


def module_needs(folder):
    """{module: (its file, the files that are loaded before it, the last one first)}, as depmod wrote them."""
    needs = {}
    for row in (folder / "modules.dep").read_text().splitlines():
        path, _, before = row.partition(":")
        needs[pathlib.Path(path).stem] = (path, before.split())
    return needs


class Archive:
    """A cpio archive in the form the kernel takes ("newc")."""

    def __init__(self, file):
        self._file, self._number, self._folders = file, 0, set()

    def add(self, name, mode, data=b"", kind=stat.S_IFREG):
        for folder in reversed(pathlib.PurePosixPath(name).parents):
            if str(folder) not in (".", *self._folders):
                self._folders.add(str(folder))
                self._write(str(folder), stat.S_IFDIR | 0o755, b"")
        self._write(name, kind | mode, data)

    def add_seed(self, name, what):
        if isinstance(what, pathlib.PurePath):
            self.add(name, 0o777, str(what).encode(), stat.S_IFLNK)
        else:
            self.add(name, 0o644, what.encode())

    def end(self):
        self._write("TRAILER!!!", 0, b"")

    def _write(self, name, mode, data):
        self._number += 1
        fields = [self._number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        self._padded(b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0")
        self._padded(data)

    def _padded(self, data):
        self._file.write(data + b"\0" * (-len(data) % 4))
