"""wrk and hey: other people's load generators on a URL, and what they say failed."""
import json
import re
import signal

from lab.cardea import binary
from lab.namespace import CommandFailed
from lab.process import Process

DONE = re.compile(r"(\d+) requests in ")
ERRORS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
OTHER = re.compile(r"Non-2xx or 3xx responses: (\d+)")
HEY_STATUS = re.compile(r"^\s+\[(\d+)\]\s+(\d+) responses", re.M)
HEY_ERRORS = re.compile(r"^\s+\[(\d+)\]\s+\S*(?:Get|Post|Head)\b.*$", re.M)


class Generator:
    """A program of somebody else's under load for some seconds; `finish` gives {"requests", "failed", "text"}."""

    def __init__(self, site, name, argv):
        self.process = Process(site.run, name, site.client.command(*argv))

    def start(self):
        self.process.start()
        return self

    def stop(self):
        """Ends it early, as Control-C does: what is under way is finished and counted."""
        assert self.process.alive(), f"{self.process.name} ended by itself:\n{self.process.tail()}"
        self.process.signal(signal.SIGINT)
        return self.finish(30)

    def finish(self, seconds=90):
        code = self.process.wait(seconds)
        text = self.process.log.read_text()
        if code != 0:
            raise CommandFailed(f"{self.process.name} ended with {code}:\n{text}")
        return self.read(text)


class Wrk(Generator):
    def __init__(self, site, name, url, seconds, connections=16, threads=1, close=False):
        super().__init__(site, f"wrk-{name}", ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
                                              *(["-H", "Connection: close"] if close else []), url])

    @staticmethod
    def read(text):
        errors, other = ERRORS.search(text), OTHER.search(text)
        failed = sum(map(int, errors.groups())) if errors else 0
        return {"requests": int(DONE.search(text)[1]), "failed": failed + (int(other[1]) if other else 0), "text": text}


class Hey(Generator):
    def __init__(self, site, name, url, seconds, connections=8, rate=0):
        super().__init__(site, f"hey-{name}", ["hey", "-z", f"{seconds}s", "-c", connections, *(["-q", rate] if rate else []), url])

    @staticmethod
    def read(text):
        by_status = {int(code): int(number) for code, number in HEY_STATUS.findall(text)}
        failed = sum(number for code, number in by_status.items() if code >= 400)
        failed += sum(map(int, HEY_ERRORS.findall(text)))
        return {"requests": sum(by_status.values()), "failed": failed, "text": text}


class Churn:
    """cardea-load, the tree's own: connections at a rate, or many that stay."""

    def __init__(self, site, name, mode, address, port, *words, namespace=None):
        self.process = Process(site.run, f"cardea-load-{name}", (namespace or site.client).command(
            binary("cardea-load"), mode, address, port, *words))

    def start(self):
        self.process.start()
        return self

    def lines(self):
        return [json.loads(line) for line in self.process.log.read_text().splitlines() if line.startswith("{")]

    def finish(self, seconds=90):
        code = self.process.wait(seconds)
        if code != 0:
            raise CommandFailed(f"{self.process.name} ended with {code}:\n{self.process.tail()}")
        return self.lines()[-1]
