"""A whole machine: QEMU with an IOMMU, Debian's own kernel and systemd as process 1, and network cards on PCI whose cables end in
namespaces of the lab. There is no KVM where the tests run: everything in it takes ten to thirty times as long.

Commands go by an agent on a virtio port (guest_agent.py), so a test may take every network from it. Its disk is thrown away at
the end; what was written survives `reboot`.
"""
import base64
import fcntl
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import time
from dataclasses import dataclass, field

from pyroute2 import netns

from lab.namespace import CommandFailed, run
from lab.process import PACKAGE_ROOT
from lab.wait import until

TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE = 0x400454CA, 0x0002, 0x1000, 0x4000, 0x0100
# Its clocks go by the emulator's, which stands still where this host is busy: the kernel is not to try whether they are good.
CLOCKS = "no_timer_check tsc=reliable"
COMMAND_LINE = f"root=/dev/vda rw console=ttyS0 intel_iommu=on quiet loglevel=4 systemd.show_status=0 mitigations=off nokaslr panic=5 {CLOCKS}"
AGENT_UNIT = """[Unit]
Description=The tests' way in
[Service]
ExecStart=/usr/bin/python3 -B /usr/local/lib/guest_agent.py
Restart=always
[Install]
WantedBy=multi-user.target
"""
# What nobody here asks for, and what would run while a test waits.
MASKED = ["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer", "logrotate.timer",
          "systemd-timesyncd.service", "getty@tty1.service"]
BOOT_SECONDS, END_SECONDS = 240, 120
ANSWER_BYTES = 1 << 16


@dataclass
class Card:
    """A network card of the guest: `model` as QEMU names it, and `cable`, the TAP at the other end of its cable."""
    name: str
    model: str
    mac: str
    cable: str
    queues: int = 1
    options: str = ""
    taps: list = field(default_factory=list)

    def plug(self, namespace):
        """Makes the cable: a TAP in that namespace, one descriptor of it a queue."""
        flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (IFF_MULTI_QUEUE if self.queues > 1 else 0)
        netns.pushns(namespace.name)
        try:
            for _ in range(self.queues):
                tap = os.open("/dev/net/tun", os.O_RDWR)
                fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", self.cable.encode(), flags))
                self.taps.append(tap)
        finally:
            netns.popns()
        namespace.ip(f"link set {self.cable} up")

    def back_end(self):
        return f"tap,id={self.name},vhost=off,fd{'s' if self.queues > 1 else ''}={':'.join(map(str, self.taps))}"

    def device(self, slot):
        return f"{self.model},id={self.name}-card,netdev={self.name},mac={self.mac},bus=slot{slot},romfile={self.options}"


class Guest:
    """Use as a context manager. `folder`: for its sockets, its ramdisk and its console's log."""

    def __init__(self, image, folder, cards, cpus=2, memory_mb=1536, slots=4):
        self.image, self.folder, self.cards = image, pathlib.Path(folder), cards
        self.cpus, self.memory_mb, self.slots = cpus, memory_mb, slots
        self.console = self.folder / "console.log"

    def __enter__(self):
        self.folder.mkdir(exist_ok=True)
        self.image.write_ramdisk(self.folder / "ramdisk", seed())
        run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", self.image.disk, self.folder / "disk"])
        try:
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _boot(self):
        began = time.monotonic()
        taps = [tap for card in self.cards for tap in card.taps]
        with open(self.folder / "qemu.log", "ab") as log:
            self._child = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *self._command()], stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=log, pass_fds=taps)
        self._agent, self.qmp = self._connect("agent"), Qmp(self._connect("qmp"))
        self._came = b""
        self._await_boot()
        self.boot_seconds = time.monotonic() - began

    def __exit__(self, *what):
        self._child.kill()
        self._child.wait()
        for card in self.cards:
            while card.taps:
                os.close(card.taps.pop())

    def _command(self):
        words = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg,thread=multi",
                 "-machine", "q35,kernel-irqchip=split", "-cpu", "max,la57=off", "-smp", str(self.cpus), "-m", str(self.memory_mb),
                 "-device", "intel-iommu,intremap=on", "-kernel", self.image.kernel, "-initrd", self.folder / "ramdisk",
                 "-append", COMMAND_LINE, "-serial", f"file:{self.console}",
                 "-qmp", f"unix:{self.folder}/qmp,server=on,wait=off",
                 "-drive", f"file={self.folder}/disk,format=qcow2,if=virtio,cache=unsafe", "-no-reboot",
                 "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
                 "-chardev", f"socket,id=agent,path={self.folder}/agent,server=on,wait=off",
                 "-device", "virtserialport,chardev=agent,name=cardea"]
        for slot in range(1, self.slots + 1):
            words += ["-device", f"pcie-root-port,id=slot{slot},chassis={slot}"]
        for slot, card in enumerate(self.cards, 1):
            words += ["-netdev", card.back_end(), "-device", card.device(slot)]
        return [str(word) for word in words]

    def _connect(self, name):
        def connected():
            assert self._child.poll() is None, f"QEMU ended:\n{(self.folder / 'qemu.log').read_text()}"
            there = socket.socket(socket.AF_UNIX)
            try:
                there.connect(str(self.folder / name))
            except OSError:
                there.close()
                return None
            return there
        return until(connected, 10, f"QEMU listens at {name}")

    def _line(self, seconds):
        deadline = time.monotonic() + seconds
        while b"\n" not in self._came:
            self._agent.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                piece = self._agent.recv(ANSWER_BYTES)
            except TimeoutError:
                piece = b""
            if not piece:
                raise CommandFailed(f"the guest says nothing for {seconds} s; the end of its console:\n{self.console_tail()}")
            self._came += piece
        line, _, self._came = self._came.partition(b"\n")
        return json.loads(line)

    def _await_boot(self):
        deadline = time.monotonic() + BOOT_SECONDS
        while "booted" not in self._line(deadline - time.monotonic()):
            pass

    def console_tail(self, lines=40):
        return "\n".join(self.console.read_text(errors="replace").splitlines()[-lines:]) if self.console.exists() else ""

    def _ask(self, asked, seconds):
        self._agent.settimeout(seconds)
        self._agent.sendall(json.dumps(asked).encode() + b"\n")
        return self._line(seconds)

    def run(self, *argv, user=None, check=True, timeout=60, stdin=None):
        """As lab.namespace.run, inside."""
        becoming = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"] if user else []
        words = [*becoming, *map(str, argv)]
        told = self._ask({"argv": words, "stdin": stdin, "timeout": timeout}, timeout + 20)
        if check and told["code"] != 0:
            raise CommandFailed(f"{' '.join(words)}\nexit code {told['code']}\n{told['out']}{told['err']}")
        return subprocess.CompletedProcess(words, told["code"], told["out"], told["err"])

    def write(self, path, text, owner="root:root", mode="644"):
        self._ask({"path": str(path), "data": base64.b64encode(text.encode()).decode()}, 30)
        self.run("sh", "-c", f"chown {owner} {path} && chmod {mode} {path}")

    def copy(self, file, path):
        """One of this host's files."""
        self._ask({"path": str(path), "data": base64.b64encode(file.read_bytes()).decode()}, 120)

    def show(self, unit, *properties):
        """Properties of a unit as systemd tells them, in their order."""
        told = dict(row.split("=", 1) for row in self.run("systemctl", "show", unit, *(f"-p{p}" for p in properties)).stdout.splitlines())
        return [told[p] for p in properties]

    def journal(self, unit):
        return self.run("journalctl", "-o", "cat", "--no-pager", "-u", unit).stdout

    def exists(self, path):
        return self.run("test", "-e", path, check=False).returncode == 0

    def pci_address(self, card):
        """Where the guest sees it; asked while a kernel driver has it."""
        told = self.run("sh", "-c", f"grep -l {card.mac} /sys/bus/pci/devices/*/net/*/address "
                                    "/sys/bus/pci/devices/*/virtio*/net/*/address", check=False).stdout
        return re.match(r"/sys/bus/pci/devices/([^/]+)/", told)[1]

    def reboot(self):
        """Ends in order and is started again: QEMU does not come back from a reset with this chipset and an IOMMU."""
        self._agent.sendall(json.dumps({"argv": ["systemctl", "reboot"], "stdin": None, "timeout": 60}).encode() + b"\n")
        self._child.wait(END_SECONDS)
        self._boot()


def seed():
    """What is laid over the disk at each start."""
    units = {f"/etc/systemd/system/{unit}": pathlib.PurePath("/dev/null") for unit in MASKED}
    agent = pathlib.Path(PACKAGE_ROOT) / "lab/guest_agent.py"
    return {**units, "/etc/hostname": "cardea-guest\n", "/etc/machine-id": "0123456789abcdef0123456789abcdef\n",
            "/usr/local/lib/guest_agent.py": agent.read_text(),
            "/etc/systemd/system/guest-agent.service": AGENT_UNIT,
            "/etc/systemd/system/multi-user.target.wants/guest-agent.service": pathlib.PurePath("/etc/systemd/system/guest-agent.service")}


class Qmp:
    """QEMU's own control channel: cables pulled, cards taken out and put in."""

    def __init__(self, connection):
        self._file = connection.makefile("rw")
        self.events = []
        json.loads(self._file.readline())
        self("qmp_capabilities")

    def __call__(self, command, **arguments):
        self._file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._file.flush()
        while True:
            told = json.loads(self._file.readline())
            if "event" in told:
                self.events.append(told)
                continue
            assert "return" in told, f"QEMU refuses {command}: {told}"
            return told["return"]

    def device_add(self, words):
        """`words` as on the command line."""
        driver, *options = words.split(",")
        self("device_add", driver=driver, **dict(option.split("=", 1) for option in options))
