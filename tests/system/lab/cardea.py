"""The product in the lb's namespace: its daemons and its CLI, with a configuration and directories of the run's own.

The dataplane runs when the document has a `dataplane` section, L7 when it has an `l7` section, mgmt always.

Binaries come from CARDEA_BIN_DIR (a build directory or an install prefix), else from build/release of this tree.
"""
import json
import os
import pathlib
import re
import time

from lab import configuration
from lab.namespace import CommandFailed
from lab.process import Process
from lab.wait import until

TREE = pathlib.Path(__file__).resolve().parents[3]
START_SECONDS = 30


def binary(name):
    """The path of one of the product's programs."""
    root = pathlib.Path(os.environ.get("CARDEA_BIN_DIR", TREE / "build/release"))
    places = [root / name, root / "bin" / name, root / "sbin" / name]
    found = next((p for p in places if p.is_file() and os.access(p, os.X_OK)), None)
    if found is None:
        raise FileNotFoundError(f"{name} is not under {root}: build the product first, or set CARDEA_BIN_DIR")
    return found


class Cardea:
    def __init__(self, site, document, eal=""):
        """`document`: a configuration as Python values, or its text."""
        self.site = site
        self.file = site.run.path / "cardea.cfg"
        self.api = site.run.sockets / "api.sock"
        self.write(document)
        folders = ["--run-dir", site.run.sockets, "--state-dir", site.run.state]
        sections = sections_of(self.file.read_text())
        self.dataplane = self.l7 = None
        if "dataplane" in sections:
            self.dataplane = self._daemon("cardea-dataplane", *folders, *(["--eal", eal] if eal else []))
        if "l7" in sections:
            self.l7 = self._daemon("cardea-l7", *folders)
        self.mgmt = self._daemon("cardea-mgmt", "--config", self.file, *folders)
        self.daemons = [daemon for daemon in (self.dataplane, self.l7, self.mgmt) if daemon]

    def _daemon(self, name, *arguments):
        return Process(self.site.run, name, self.site.lb.command(binary(name), *arguments), self.site.kept)

    def write(self, document):
        """Replaces the configuration file; it takes effect with the next reload."""
        self.file.write_text(document if isinstance(document, str) else configuration.text(document))

    def start(self):
        for daemon in self.daemons:
            daemon.start()
        self.until_ready()
        return self

    def start_what_ended(self):
        """Whatever an earlier test killed runs again."""
        for daemon in self.daemons:
            if not daemon.alive():
                daemon.start()
        self.until_ready()

    def stop(self):
        for daemon in reversed(self.daemons):
            if daemon.alive():
                daemon.stop()

    def until_ready(self, seconds=START_SECONDS):
        """All daemons answer, and those that run a plan run the newest."""
        until(self.ready, seconds, "cardea serves a plan", pause=0.1)

    def ready(self):
        for daemon in self.daemons:
            assert daemon.alive(), f"{daemon.name} ended with {daemon.exit_code()}:\n{daemon.tail()}"
        done = self.run("status", "--json", check=False)
        if done.returncode != 0:
            return False
        status = json.loads(done.stdout)
        return all(adopted_generation(status, name) > 0
                   for name, daemon in (("dataplane", self.dataplane), ("l7", self.l7)) if daemon)

    def until_backends(self, state, count=None, seconds=20):
        """Waits until at least `count` backends (all of them when None) are in this state."""
        def so():
            states = [b["state"] for b in self.backends()]
            return states.count(state) >= (len(states) if count is None else count)
        until(so, seconds, f"{'all' if count is None else count} backends are {state}")

    def run(self, *words, **options):
        """A command of the CLI as typed; the finished process."""
        return self.site.lb.run(binary("cardea"), "--api", self.api, *words, **options)

    def cli(self, *words):
        """A command of the CLI with --json: its answer as Python values."""
        done = self.run("--json", *words)
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise CommandFailed(f"cardea --json {' '.join(words)} printed no JSON: {done.stdout!r}") from error

    def backends(self, pool=None):
        """Rows of `show backends`, of one pool or of all."""
        return [row for row in self.cli("show", "backends")["backends"] if pool in (None, row["pool"])]

    def reload(self, check=True):
        return self.run("reload", check=check, timeout=60)

    def explain_url(self, method, url, *words):
        return self.cli("explain", method, url, *words)

    def explain(self, source, destination, protocol="tcp"):
        return self.cli("explain", source, destination, protocol)

    def metrics_page(self):
        return self.site.lb.run("curl", "-sSf", "--max-time", "5", "http://127.0.0.1:9477/metrics").stdout

    def kill_dataplane(self):
        """kill -9; returns when it was done, in seconds since the epoch."""
        self.dataplane.kill()
        return time.time()

    def kill_l7(self):
        self.l7.kill()
        return time.time()

    def kill_mgmt(self):
        self.mgmt.kill()
        return time.time()


def sections_of(text):
    """The names of a document's sections."""
    return set(re.findall(r"^(\w+)\s*[:=]", text, re.M))


def adopted_generation(status, name="dataplane"):
    """The generation that process runs and is in step with; 0 while it is away or behind."""
    for process in status["processes"]:
        if process["name"] == name and process["connected"] and process["in_sync"]:
            return process["generation"] or 0  # connected, and has not said yet what it runs
    return 0
