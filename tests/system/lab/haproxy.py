"""A real HAProxy, before the product as a load balancer that sends the PROXY protocol, or behind it as one that expects it."""
from lab.process import Process
from lab.wait import until

DEFAULTS = """\
defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 5s
"""


class Haproxy:
    """`sections`: text behind the defaults. `ports`: those it listens on when it is ready."""

    def __init__(self, site, namespace, name, sections, ports):
        self.name, self.namespace, self._ports = name, namespace, ports
        configuration = site.run.path / f"{name}.cfg"
        configuration.write_text(DEFAULTS + sections)
        self.process = Process(site.run, name, namespace.command("haproxy", "-db", "-f", configuration), site.kept)

    def start(self):
        self.process.start()
        until(self.listens, 10, f"{self.name} listens")
        return self

    def listens(self):
        assert self.process.alive(), f"{self.name} ended:\n{self.process.tail()}"
        listening = self.namespace.run("ss", "-Htln").stdout
        return all(f":{port} " in listening for port in self._ports)

    def stop(self):
        return self.process.stop()
