"""A program of the lab: started with its id on record, its output in the run's logs, stopped by that id.

It leads a process group, so a program with children ends whole; and it dies with whoever started it, unless the run is
kept, so a test that is killed leaves nothing behind.
"""
import contextlib
import os
import pathlib
import resource
import signal
import subprocess

from lab import run_dir

PACKAGE_ROOT = str(pathlib.Path(__file__).resolve().parents[1])  # where `python3 -m lab.…` finds the lab's own programs


FILES_MAX = 100_000  # open files a process, as the units give the daemons


def raise_files_limit():
    """Of this process, and so of those it starts. Root may; whoever else keeps what there is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES_MAX:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_MAX, max(hard, FILES_MAX)))


class Process:
    def __init__(self, run, name, argv, kept=False, env=None):
        self.run, self.name, self.argv = run, name, [str(word) for word in argv]
        self.log = run.logs / f"{name}.log"
        self._kept = kept
        self._env = env
        self._child = None

    def start(self):
        assert not self.alive(), f"{self.name} already runs"
        raise_files_limit()
        tied = [] if self._kept else ["setpriv", "--pdeathsig", "KILL", "--"]
        with open(self.log, "ab") as log:
            self._child = subprocess.Popen(tied + self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           start_new_session=True, env={**os.environ, "PYTHONPATH": PACKAGE_ROOT, **(self._env or {})})
        self.run.record(self.name, self._child.pid)
        return self

    @property
    def pid(self):
        return self._child.pid

    def alive(self):
        return self._child is not None and self._child.poll() is None

    def exit_code(self):
        return self._child.poll()

    def signal(self, number):
        os.kill(self._child.pid, number)

    def stop(self, seconds=10):
        """Asks it to end, and ends it when it does not. Returns its exit code."""
        if self.alive():
            self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds):
        if self._child is None:
            return None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds)
        self.kill()
        return self._child.returncode

    def kill(self):
        """kill -9, with all its children."""
        run_dir.end_group(self._child.pid)
        self._child.wait()

    def tail(self, lines=20):
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""
