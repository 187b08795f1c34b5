"""cardea-waf in the lb's namespace, with the rules that cardea-l7 tells it: Debian's own core rule set."""
import os
import pathlib
import signal

from lab.cardea import binary
from lab.process import Process
from lab.wait import until


class Waf:
    def __init__(self, site):
        self.folder = pathlib.Path(f"{site.run.sockets}-waf")
        self.folder.mkdir(mode=0o750, exist_ok=True)
        self.process = Process(site.run, "cardea-waf", site.lb.command(binary("cardea-waf"), "--run-dir", self.folder), site.kept)

    def start(self):
        self.process.start()
        return self

    def stop(self):
        return self.process.stop()

    def _children(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            return [int(word) for word in children.read().split()]

    def workers(self):
        """Their ids: children of the process that loaded the rules, which is the only child of the first."""
        return [worker for loader in self._children(self.process.pid) for worker in self._children(loader)]

    def kill_workers(self):
        for pid in self.workers():
            os.kill(pid, signal.SIGKILL)

    def until_working(self, cardea, seconds=20):
        def working():
            waf = cardea.cli("status")["waf"] or {}
            return waf.get("state") == "working" and waf.get("workers", 0) > 0 and waf.get("pid") == self.process.pid
        until(working, seconds, "cardea-waf has loaded its rules")
