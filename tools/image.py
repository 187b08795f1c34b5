"""The stages behind tools/image: Debian in a folder with our packages, its boot partition, and both on one disk.

Nothing is mounted and no loop device is used: file systems are made of folders, GRUB's two pieces are put where the disk's first
sector and the partition for it are. The image holds one root; the disk that it is written to gets the second at its first start
(deploy/image/make-room).
"""
import argparse
import pathlib
import shutil
import struct
import subprocess
import sys

import debian_tree

TREE = pathlib.Path(__file__).resolve().parents[1]
PARTS = TREE / "deploy/image"
PACKAGES = ["systemd-sysv", "udev", "dbus", "kmod", "linux-image-amd64", "initramfs-tools", "busybox", "zstd", "e2fsprogs", "fdisk",
            "iproute2", "procps", "pciutils", "ethtool", "iputils-ping", "tcpdump", "openssh-server", "systemd-timesyncd", "systemd-resolved",
            "logrotate", "curl", "ca-certificates", "nano", "less", "python3"]
ENABLED = ["systemd-networkd", "systemd-resolved", "systemd-timesyncd", "ssh"]
MARK = "usr/lib/cardea-image"  # by which the package cardea-image knows whose it is
FSTAB = "tmpfs /tmp tmpfs mode=1777,nosuid,nodev,size=25% 0 0\n"
FIRMWARE = ["firmware-misc-nonfree", "firmware-bnx2", "firmware-bnx2x", "firmware-qlogic"]
FEATURES = "^has_journal,^metadata_csum_seed,^orphan_file"  # the last two are not known to Debian 12's GRUB; neither root is written to
SECTOR = 512
MB = 1024 * 1024 // SECTOR
BIOS_AT, BOOT_AT, BOOT_SIZE = 1 * MB, 2 * MB, 40 * MB
ROOT_AT = BOOT_AT + BOOT_SIZE
IMAGE_MB_MAX = 600
MODULES = ["part_gpt", "fat", "ext2", "search", "search_label", "normal", "configfile", "linux", "loadenv", "serial", "terminal", "echo", "test",
           "sleep", "reboot", "halt", "minicmd", "ls", "cat"]
ENVIRONMENT = "# GRUB Environment Block\ngood=a\nwhole=a\ntrial=\nfailed=\nextra=\n"


def run(*argv, **options):
    return subprocess.run([str(word) for word in argv], check=True, text=True, **options)


def arguments():
    parser = argparse.ArgumentParser(prog="tools/image", description="Builds a bootable disk image of this tree's packages.")
    parser.add_argument("--packages", type=pathlib.Path, default=TREE / "build/packages", help="where they are")
    parser.add_argument("--layer-7-alone", action="store_true", help="without the dataplane and DPDK")
    parser.add_argument("--firmware", action="store_true", help="with what some cards need and Debian may not call free (ice, bnx2x)")
    parser.add_argument("--seed", type=pathlib.Path, help="a folder with seed.conf, cardea.cfg and tls/ for the boot partition")
    parser.add_argument("--output", type=pathlib.Path, default=TREE / "build/image/cardea.img")
    return parser.parse_args()


def packages_of(options):
    names = ["cardea", "cardea-image", *([] if options.layer_7_alone else ["cardea-dataplane"])]
    debs = [deb for name in names for deb in sorted(options.packages.glob(f"{name}_*.deb"))]
    if len(debs) != len(names):
        sys.exit(f"tools/image: {options.packages} has not one of each of {', '.join(names)}: run tools/package first")
    return debs


# ---- the root


def bootstrap(options, root, work):
    """Our packages come behind what they depend on, then what no package has, then the ramdisk with our parts in it."""
    debs = packages_of(options)
    left_out = [row for row in (PARTS / "left-out").read_text().splitlines() if row.startswith("/")]
    hooks = [f"copy-in {' '.join(map(str, debs))} /tmp", f'mkdir -p "$1/{MARK}"', f'chroot "$1" dpkg -i {" ".join(f"/tmp/{deb.name}" for deb in debs)}',
             'rm "$1"/tmp/*.deb', f'{sys.executable} -B {TREE}/tools/image.py --furnish "$1"',
             f'chroot "$1" systemctl enable {" ".join(ENABLED)}', 'chroot "$1" env -u INITRD update-initramfs -c -k all',
             'cd "$1" && ln -s boot/initrd.img-* initrd.img']  # which the kernel's package leaves to who makes one
    components, more = (["main", "non-free-firmware"], FIRMWARE) if options.firmware else (["main"], [])
    names = sorted({*PACKAGES, *more, *debian_tree.dependencies(debs)})
    with open(work / "bootstrap.log", "w", encoding="utf8") as log:
        done = subprocess.run(debian_tree.command(names, root, left_out, components, hooks), stdout=log, stderr=log, check=False)
    if done.returncode:
        needs = "; --firmware needs Debian's component non-free-firmware within reach" if options.firmware else ""
        sys.exit("\n".join((work / "bootstrap.log").read_text().splitlines()[-30:]) + f"\ntools/image: mmdebstrap failed, see {work}{needs}")


def furnish(root):
    """What an image has beside its packages; what belongs to one host alone comes at its first start."""
    (root / "data").mkdir()
    (root / "etc/issue.d").symlink_to("/run/issue.d")  # of what agetty reads, what is not written to a disk again and again
    for place, text in {"etc/fstab": FSTAB, "etc/machine-id": "", "etc/hostname": "cardea\n"}.items():
        (root / place).unlink(missing_ok=True)
        (root / place).write_text(text)
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").symlink_to("../run/systemd/resolve/resolv.conf")  # also what DHCP tells; what a seed says takes its place
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()


def root_file(root, path):
    """As large as what is in it, and a little."""
    used = int(run("du", "-s", "--block-size=1M", root, stdout=subprocess.PIPE).stdout.split()[0])
    size = used + used // 25 + 10
    run("mke2fs", "-q", "-t", "ext4", "-O", FEATURES, "-m", "0", "-L", "cardea-root-a", "-d", root, path, f"{size}M")
    return path


# ---- the boot partition and GRUB


def core(target, work, *modules):
    path = work / f"core.{target}"
    run("grub-mkimage", "-O", target, "-o", path, "-p", "/grub", "-c", PARTS / "early.cfg", *MODULES, *modules)
    return path


def boot_file(options, path, work):
    """FAT: what UEFI starts, GRUB's menu, what GRUB remembers, and what the host is told at its first start."""
    (work / "grubenv").write_text(ENVIRONMENT + "#" * (1024 - len(ENVIRONMENT)))
    efi = core("x86_64-efi", work, "efi_gop", "all_video")
    with open(path, "wb") as file:
        file.truncate(BOOT_SIZE * SECTOR)
    run("mformat", "-i", path, "-F", "-c", "1", "-v", "CARDEA-BOOT", "-T", str(BOOT_SIZE), "-h", "64", "-s", "32", "::")
    run("mmd", "-i", path, "::/EFI", "::/EFI/BOOT", "::/grub")
    for source, name in ((efi, "/EFI/BOOT/BOOTX64.EFI"), (PARTS / "grub.cfg", "/grub/grub.cfg"), (work / "grubenv", "/grub/grubenv"),
                         (PARTS / "seed.conf", "/seed.example")):
        run("mcopy", "-i", path, source, f"::{name}")
    if options.seed:
        run("mcopy", "-s", "-i", path, *sorted(options.seed.iterdir()), "::/")
    return path


def start_sector(core_at):
    """The disk's first sector: it loads the sector at `core_at` (GRUB's boot.S, kernel_sector), from the disk that the BIOS names
    (the check of that number is for floppies, and grub-setup takes it out for others as well)."""
    sector = bytearray(pathlib.Path("/usr/lib/grub/i386-pc/boot.img").read_bytes()[:440])
    struct.pack_into("<Q", sector, 0x5C, core_at)
    sector[0x66:0x68] = b"\x90\x90"
    return bytes(sector)


def core_sectors(path, core_at):
    """GRUB's core, whose first sector loads those behind it (diskboot.S, the list at its end)."""
    sectors = bytearray(path.read_bytes())
    struct.pack_into("<Q", sectors, SECTOR - 12, core_at + 1)
    return bytes(sectors)


# ---- the disk


def table(root_sectors):
    return "\n".join(["label: gpt", f'start={BIOS_AT}, size={BOOT_AT - BIOS_AT}, type=21686148-6449-6E6F-744E-656564454649, name="cardea-bios"',
                      f'start={BOOT_AT}, size={BOOT_SIZE}, type=uefi, name="cardea-boot"',
                      f'start={ROOT_AT}, size={root_sectors}, type=linux, name="cardea-root-a"', ""])


def assemble(disk, root, boot, bios_core):
    root_sectors = root.stat().st_size // SECTOR
    sectors = ROOT_AT + root_sectors + MB
    if sectors * SECTOR > IMAGE_MB_MAX * 1e6:
        sys.exit(f"tools/image: {sectors * SECTOR / 1e6:.0f} MB, more than the {IMAGE_MB_MAX} that an image may have")
    with open(disk, "wb") as file:
        file.truncate(sectors * SECTOR)
    run("sfdisk", "--quiet", disk, input=table(root_sectors))
    for source, at in ((boot, BOOT_AT), (root, ROOT_AT)):
        run("dd", f"if={source}", f"of={disk}", "bs=1M", f"seek={at // MB}", "conv=notrunc,sparse", "status=none")
    with open(disk, "r+b") as file:
        file.write(start_sector(BIOS_AT))
        file.seek(BIOS_AT * SECTOR)
        file.write(core_sectors(bios_core, BIOS_AT))


def main():
    if sys.argv[1:2] == ["--furnish"]:
        return furnish(pathlib.Path(sys.argv[2]))
    options = arguments()
    work = options.output.parent / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    bootstrap(options, work / "root", work)
    new = work / "disk"
    assemble(new, root_file(work / "root", work / "root.ext4"), boot_file(options, work / "boot.fat", work), core("i386-pc", work, "biosdisk"))
    new.rename(options.output)
    shutil.rmtree(work)
    print(f"{options.output.stat().st_size / 1e6:.0f} MB  {options.output}")
    return None


if __name__ == "__main__":
    main()
