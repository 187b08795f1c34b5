"""The directory of one run of the lab: sockets, state, logs, the ids of its processes and the names of its namespaces.

It lies in memory (the statistics segment is mapped from it) and holds all that is needed to clear the run away, so a run
whose owner was killed can be swept by anyone: `sweep_dead()` does it before each new run, `tools/lab down` on request.
"""
import contextlib
import json
import os
import pathlib
import secrets
import shutil
import signal
import subprocess

PREFIX = "cardea-"
KEPT_LOGS = pathlib.Path(__file__).resolve().parents[3] / "build/test-logs/system"


def memory_root():
    """/run where it is a tmpfs, as on any booted Debian; /dev/shm in containers and images where it is not."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", "/run"], capture_output=True, text=True, check=True).stdout.strip()
    return pathlib.Path("/run" if kind == "tmpfs" else "/dev/shm")


def start_time(pid):
    """The kernel's start time of a live process (clock ticks since boot), which tells it from a later one with the same id.
    None when there is no such process, or only its exit code is left of it."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


class RunDir:
    def __init__(self, prefix, path):
        self.prefix = prefix
        self.path = pathlib.Path(path)
        self.sockets = self.path / "run"
        self.state = self.path / "state"
        self.logs = self.path / "logs"
        self.pids = self.path / "pids"

    @classmethod
    def create(cls, prefix=None, kept=False):
        """A fresh directory. `kept` runs outlive their maker and are cleared only by name."""
        prefix = prefix or "lab" + secrets.token_hex(2)
        run = cls(prefix, memory_root() / (PREFIX + prefix))
        run.path.mkdir(mode=0o755)
        for folder in (run.sockets, run.state, run.logs, run.pids):
            folder.mkdir()
        owner = None if kept else [os.getpid(), start_time(os.getpid())]
        (run.path / "lab.json").write_text(json.dumps({"owner": owner, "prefix": prefix}))
        return run

    @classmethod
    def all(cls):
        for note in sorted(memory_root().glob(PREFIX + "*/lab.json")):
            with contextlib.suppress(OSError, ValueError):  # being made or cleared by somebody else
                yield cls(json.loads(note.read_text())["prefix"], note.parent)

    @classmethod
    def named(cls, prefix):
        return next((run for run in cls.all() if run.prefix == prefix), None)

    def owner_is_dead(self):
        with contextlib.suppress(OSError, ValueError):
            owner = json.loads((self.path / "lab.json").read_text())["owner"]
            return owner is not None and start_time(owner[0]) != owner[1]
        return False

    def record(self, name, pid):
        (self.pids / name).write_text(f"{pid} {start_time(pid)}")

    def keep_logs(self):
        """What the run's processes wrote, beside the test's own log; returns where. Pipes and sockets stay."""
        def neither(folder, names):
            return [name for name in names if not (pathlib.Path(folder, name).is_file() or pathlib.Path(folder, name).is_dir())]
        kept = KEPT_LOGS / self.prefix
        shutil.copytree(self.logs, kept, dirs_exist_ok=True, ignore=neither)
        print(f"logs of the lab's processes: {kept}")
        return kept

    def clear(self):
        """Ends every process of the run, deletes its namespaces, then the directory. May be called twice."""
        for note in self.pids.glob("*"):
            pid, started = note.read_text().split()
            if str(start_time(int(pid))) == started:
                end_group(int(pid))
        for name in namespaces_of(self.prefix):
            delete_namespace(name)
        shutil.rmtree(self.path, ignore_errors=True)


def namespaces_of(prefix):
    with contextlib.suppress(FileNotFoundError):
        return sorted(n for n in os.listdir("/run/netns") if n.startswith(prefix + "-"))
    return []


def end_group(pid):
    """Each lab process leads a group of its own (see Process), so that nginx's workers go with their master."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def delete_namespace(name):
    """The namespace is ours by its name, and so is whatever still runs inside it."""
    listed = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False)
    for pid in listed.stdout.split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL, check=False)
    shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)


def sweep_dead():
    """Clears the runs whose owner is gone; returns their prefixes."""
    dead = [run for run in RunDir.all() if run.owner_is_dead()]
    for run in dead:
        run.clear()
    return [run.prefix for run in dead]
