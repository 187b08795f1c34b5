"""A real Prometheus of Debian's, in the lb's namespace, scraping the product; asked by its HTTP API."""
import json
import urllib.parse

from lab.process import Process
from lab.wait import until

CONFIGURATION = """\
global: {{ scrape_interval: 1s, scrape_timeout: 900ms }}
scrape_configs:
  - job_name: cardea
    static_configs: [ {{ targets: ["{target}"] }} ]
"""
LISTEN = "127.0.0.1:9090"


class Prometheus:
    def __init__(self, site, target="127.0.0.1:9477"):
        folder = site.run.path / "prometheus"
        folder.mkdir()
        (folder / "prometheus.yml").write_text(CONFIGURATION.format(target=target))
        self.namespace = site.lb
        self.process = Process(site.run, "prometheus", site.lb.command(
            "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={LISTEN}", "--log.level=warn"), site.kept)

    def start(self):
        self.process.start()
        until(lambda: self._get("/-/ready").returncode == 0, 30, "Prometheus is ready", pause=0.2)
        return self

    def query(self, expression):
        """The samples of an instant query: [({label: value}, number)]."""
        done = self._get("/api/v1/query?query=" + urllib.parse.quote(expression), check=True)
        return [(row["metric"], float(row["value"][1])) for row in json.loads(done.stdout)["data"]["result"]]

    def stop(self):
        self.process.stop()

    def _get(self, path, check=False):
        return self.namespace.run("curl", "-sf", "--max-time", "5", f"http://{LISTEN}{path}", check=check)
