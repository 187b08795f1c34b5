"""What an L7 test does from the client's place, and what it reads of the product afterwards."""
import json
import time

from lab.load import Load
from lab.metrics import Page
from lab.namespace import CommandFailed
from lab.site import endpoint


class Client:
    """Wants `site`, `authority` and `cardea`."""

    def curl(self, url, *words, check=True, timeout=30):
        """curl in the client's place, trusting the run's authority, by HTTP/1.1 unless `words` say otherwise. The finished process."""
        return self.site.client.run("curl", "-sS", "--http1.1", "--max-time", timeout - 5, "--cacert", self.authority.certificate, *words, url,
                                    check=check, timeout=timeout)

    def get(self, url, *words):
        """(status, header fields by lower-case name, body)."""
        text = self.curl(url, "-i", *words).stdout
        head, _, body = text.partition("\n\n")
        lines = head.splitlines()
        return int(lines[0].split()[1]), {n.lower(): v for n, v in (line.split(": ", 1) for line in lines[1:])}, body

    def load(self, name, *arguments):
        return Load(self.site, name, *arguments).start()

    def tls(self, host="shop.example"):
        """Words that make the load client speak TLS and verify."""
        return ["--ca", self.authority.certificate, "--server-name", host]

    def backend_address(self, name, port=80):
        return endpoint(self.site.backend(name).address(4), port)

    def metrics(self):
        return Page(self.cardea.metrics_page())

    def access_log(self):
        """Every line of the access log as Python values; one that is no JSON is an error."""
        with open(self.site.run.logs / "access.log") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]

    def logged(self, count=1, seconds=5, **want):
        """Waits until the access log has `count` lines with these values; returns them."""
        deadline = time.monotonic() + seconds
        while True:
            found = [line for line in self.access_log() if all(line.get(key) == value for key, value in want.items())]
            if len(found) >= count:
                return found
            if time.monotonic() > deadline:
                raise CommandFailed(f"{len(found)} lines of the access log have {want}, not {count}; its end:\n" +
                                    "\n".join(json.dumps(line) for line in self.access_log()[-5:]))
            time.sleep(0.05)
