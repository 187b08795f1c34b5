"""A machine that starts from a disk of its own, as a host does that somebody wrote an image to: firmware, GRUB, kernel, login. There is
no way in but its console and its network.

A reset ends QEMU (it does not come back from one with this chipset and an IOMMU) and `restarted` starts it again: the disk is what
survives, as on a host.
"""
import pathlib
import re
import shutil
import socket
import subprocess
import time

from lab import debs
from lab.cardea import TREE
from lab.guest import CLOCKS
from lab.namespace import run
from lab.wait import until

KEPT = TREE / "build/machine"
UEFI = "/usr/share/ovmf/OVMF.fd"
BOOT_PARTITION = 2 << 20  # where in the image, in bytes
DISK = "6G"  # of which only what is written takes room
PROMPT = "READY-FOR-MORE"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]")


def built_image(variant=""):
    """The image with the work tree's packages, made when they have changed. `variant`: an option of tools/image."""
    made = debs.built()
    kept = KEPT / f"image{variant.replace('--', '-')}-{made.name}"
    with debs.making("images"):
        if not kept.exists():
            for old in [*KEPT.glob("image-*"), *KEPT.glob("new-image-*")]:
                if made.name not in old.name or "new-" in old.name:
                    shutil.rmtree(old)
            new = KEPT / f"new-{kept.name}"
            run([TREE / "tools/image", *filter(None, [variant]), "--packages", made, "--output", new / "cardea.img"], timeout=1500)
            new.rename(kept)
    return kept / "cardea.img"


class Ended(Exception):
    """The machine was reset, or switched off."""


class DiskMachine:
    """Use as a context manager. `seed`: a folder whose content is put on the boot partition before the first start. `variant`: an
    option that its image is made with."""

    def __init__(self, folder, seed=None, uefi=False, memory_mb=1536, variant=""):
        self.folder, self.seed, self.uefi, self.memory_mb, self.variant = pathlib.Path(folder), seed, uefi, memory_mb, variant
        self.said, self.ports = "", {"http": free_port(), "ssh": free_port()}

    def __enter__(self):
        disk = self.folder / "disk"
        run(["cp", "--sparse=always", built_image(self.variant), disk], timeout=300)
        if self.seed:
            run(["mcopy", "-s", "-i", f"{disk}@@{BOOT_PARTITION}", *sorted(self.seed.iterdir()), "::/"])
        self._write_environment(disk)
        run(["qemu-img", "resize", "-q", "-f", "raw", disk, DISK])
        self.start()
        return self

    def _write_environment(self, disk):
        """The image's own, with the words that an emulator's clocks need (lab.guest)."""
        own, partition = self.folder / "grubenv", f"{disk}@@{BOOT_PARTITION}"
        run(["mcopy", "-i", partition, "::/grub/grubenv", own])
        text = own.read_text().rstrip("#").replace("\nextra=\n", f"\nextra={CLOCKS}\n")
        assert CLOCKS in text
        own.write_text(text + "#" * (1024 - len(text)))
        run(["mcopy", "-o", "-i", partition, own, "::/grub/grubenv"])

    def __exit__(self, *what):
        self._child.kill()
        self._child.wait()

    def _command(self):
        forwards = f"hostfwd=tcp:127.0.0.1:{self.ports['http']}-:80,hostfwd=tcp:127.0.0.1:{self.ports['ssh']}-:22"
        words = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-vga", "std", "-accel", "tcg,thread=multi",
                 "-machine", "q35,kernel-irqchip=split", "-cpu", "max,la57=off", "-smp", "2", "-m", str(self.memory_mb), "-no-reboot",
                 "-device", "intel-iommu,intremap=on", "-device", "virtio-rng-pci",
                 "-drive", f"file={self.folder}/disk,format=raw,if=virtio,cache=unsafe",
                 "-chardev", f"socket,id=console,path={self.folder}/console,server=on,wait=off,logfile={self.folder}/console.log,logappend=on",
                 "-serial", "chardev:console",
                 "-device", "pcie-root-port,id=slot1,chassis=1", "-device", "pcie-root-port,id=slot2,chassis=2",
                 "-netdev", f"user,id=own,{forwards}", "-device", "e1000e,netdev=own,bus=slot1,romfile=",
                 "-netdev", "hubport,id=wan,hubid=1", "-device", "e1000e,netdev=wan,bus=slot2,romfile="]
        return [*words, *(["-bios", UEFI] if self.uefi else [])]

    def start(self):
        with open(self.folder / "qemu.log", "ab") as log:
            self._child = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *self._command()], stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=log)
        self.said = ""
        self._console = until(self._connected, 10, "QEMU has a console")

    def _connected(self):
        assert self._child.poll() is None, (self.folder / "qemu.log").read_text()
        there = socket.socket(socket.AF_UNIX)
        try:
            there.connect(str(self.folder / "console"))
        except OSError:
            there.close()
            return None
        return there

    # ---- its console

    def expect(self, pattern, seconds=240):
        """Reads until it has said so; returns the match. What it said up to there is behind it."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.said)):
            self._console.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                piece = self._console.recv(1 << 16)
            except TimeoutError:
                raise AssertionError(f"after {seconds} s it has not said {pattern!r}:\n{self.said[-3000:]}") from None
            if not piece:
                raise Ended(self.said[-3000:])
            self.said = CONTROL.sub("", self.said + piece.decode(errors="replace"))
        self.said = self.said[found.end():]
        return found

    def expect_from(self, action, pattern, tries=10, seconds=30):
        """Until what is done has that answer: the first try may fall into the middle of something."""
        for left in reversed(range(tries)):
            action()
            try:
                return self.expect(pattern, seconds)
            except AssertionError:
                if not left:
                    raise
        return None

    def send(self, text):
        self._console.sendall(text.encode())

    def log_in(self, password):
        """As root, who has this password. Its greeting may come again in between."""
        self.expect_from(lambda: self.send("\n"), r"login: ")
        self.expect_from(lambda: self.send("root\n"), r"Password: ")
        self.send(password + "\n")
        self.expect(r"# $")
        self.send(f"stty -echo cols 200; PS1='{PROMPT[:5]}''{PROMPT[5:]} '\n")
        self.expect(PROMPT + " ")

    def run(self, command, check=True, timeout=120):
        """Of who is logged in. Returns what it printed."""
        self.send(f"{command}; echo \"ended: $?\"\n")
        code = self.expect(r"(?s)(.*)ended: (\d+)\r?\n.*" + PROMPT + " ", timeout)
        said = code[1].replace("\r", "")
        assert not check or code[2] == "0", f"{command}\nexit code {code[2]}\n{said}"
        return said

    def greets(self, root):
        """It says above its login which root runs and how the balancer is."""
        self.expect("login: ", 400)
        self.expect(rf"root {root} runs; {root} is the good one", 400)

    def answer(self):
        """Status and Location of what listens at its port 80."""
        return subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "--max-time", "60",
                               f"http://127.0.0.1:{self.ports['http']}/x"], capture_output=True, text=True, check=False).stdout

    def ended(self, seconds=240):
        """It switches off or is reset."""
        try:
            self.expect(r"(?!)", seconds)
        except Ended:
            self._child.wait(30)

    def restarted(self, seconds=240):
        self.ended(seconds)
        self.start()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
