"""A host of its own, booted: Debian's systemd as process 1 over a copy-on-write view of this host's files, in namespaces of
its own, with the product installed into it as `cmake --install` does it, or without it. What is tested there are the units as
they are shipped: their users, groups, filters and restarts.

Nothing of it outlives the object: the files lie in memory, and all its processes die with process 1.
"""
import base64
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from lab.namespace import run
from lab.wait import until

# What a host's own boot would do to the machine that the tests run on, as kernel settings and devices are shared.
MASKED = ["systemd-udevd.service", "systemd-udev-trigger.service", "systemd-udevd-control.socket", "systemd-udevd-kernel.socket",
          "systemd-sysctl.service", "systemd-modules-load.service", "systemd-random-seed.service", "systemd-binfmt.service",
          "timers.target", "cron.service", "haproxy.service", "nginx.service", "prometheus.service"]

BOOT = r"""
set -eu
mount --make-rprivate /
mount -t tmpfs -o size=1g tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm dev/net
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
for device in null zero full random urandom tty net/tun; do touch "dev/$device"; mount --bind "/dev/$device" "dev/$device"; done
touch dev/console; mount --bind /dev/null dev/console
ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
rm -f usr/sbin/policy-rc.d etc/machine-id; echo 0123456789abcdef0123456789abcdef > etc/machine-id
for unit in $2; do ln -sf /dev/null "etc/systemd/system/$unit"; done
if [ -d "$3" ]; then cp -a "$3/." .; fi
mkdir -p run/host
pivot_root . run/host
umount -l /run/host
exec env -i container=other PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=basic.target --log-target=journal --show-status=false
"""


def installed_files(build, into):
    """What `cmake --install` makes of a build, under `into`; returns the prefix it was built for."""
    subprocess.run(["cmake", "--install", build], env={**os.environ, "DESTDIR": str(into)}, check=True, stdout=subprocess.DEVNULL)
    return pathlib.Path(re.search(r"^CMAKE_INSTALL_PREFIX:PATH=(.*)$", (pathlib.Path(build) / "CMakeCache.txt").read_text(), re.M)[1])


class Machine:
    """Use as a context manager. Without a build nothing of the product is on it."""

    def __init__(self, build=None):
        self.build = build

    def __enter__(self):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="cardea-machine-"))
        files = self._folder / "files"
        files.mkdir()
        if self.build:
            installed_files(self.build, files)
        (self._folder / "fs").mkdir()
        self._child = subprocess.Popen(
            ["unshare", "--fork", "--pid", "--kill-child", "--mount", "--uts", "--ipc", "--cgroup", "--net",
             "sh", "-c", BOOT, "sh", str(self._folder / "fs"), " ".join(MASKED), str(files)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            self._first = until(self._process_1, 20, "process 1 of the machine")
            until(lambda: self.run("systemctl", "is-active", "basic.target", check=False).stdout.strip() == "active", 60, "the boot")
            self.run("ip", "link", "set", "lo", "up")
            self.run("systemd-sysusers")
            self.run("systemd-tmpfiles", "--create")
            self.run("systemctl", "daemon-reload")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *what):
        self._child.kill()  # and by --kill-child process 1, with all that it started
        self._child.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _process_1(self):
        assert self._child.poll() is None, f"the boot failed: {self._child.stderr.read().decode()}"
        children = pathlib.Path(f"/proc/{self._child.pid}/task/{self._child.pid}/children").read_text().split()
        booted = [pid for pid in children if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "systemd"]
        return int(booted[0]) if booted else None

    def command(self, *argv, user=None):
        becoming = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"] if user else []
        return ["nsenter", "-t", str(self._first), "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--net", "--root", "--wd=/",
                "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", *becoming, *map(str, argv)]

    def run(self, *argv, user=None, **options):
        return run(self.command(*argv, user=user), **options)

    def write(self, path, text, owner="root:root", mode="644"):
        run(self.command("sh", "-c", f"mkdir -p $(dirname {path}) && cat > {path} && chown {owner} {path} && chmod {mode} {path}"), stdin=text)

    def copy(self, file, path):
        """One of this host's files."""
        run(self.command("sh", "-c", f"base64 -d > {path}"), stdin=base64.b64encode(file.read_bytes()).decode())

    def show(self, unit, *properties):
        """Properties of a unit as systemd tells them, in their order."""
        told = dict(row.split("=", 1) for row in self.run("systemctl", "show", unit, *(f"-p{p}" for p in properties)).stdout.splitlines())
        return [told[p] for p in properties]

    def journal(self, unit):
        return self.run("journalctl", "-o", "cat", "--no-pager", "-u", unit).stdout
