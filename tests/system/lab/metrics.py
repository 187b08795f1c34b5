"""Reading a page in Prometheus' text format: samples by name and labels, for tests that compare before and after."""
import json
import pathlib
import re

DEPLOY = pathlib.Path(__file__).resolve().parents[3] / "deploy"
ALERTS = DEPLOY / "prometheus/cardea-alerts.yml"
DASHBOARD = DEPLOY / "grafana/cardea-dashboard.json"
LINE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([^ ]+)(?: \d+)?$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Page:
    def __init__(self, text):
        self.samples = []
        for line in text.splitlines():
            if line and not line.startswith("#"):
                match = LINE.match(line)
                assert match, f"not a sample: {line!r}"
                self.samples.append((match[1], dict(LABEL.findall(match[2] or "")), float(match[3])))

    def names(self):
        return {name for name, _, _ in self.samples}

    def values(self, name, **labels):
        return [value for sample, have, value in self.samples
                if sample == name and all(have.get(k) == v for k, v in labels.items())]

    def total(self, name, **labels):
        """The sum over all samples with these labels; 0 when there is none."""
        return sum(self.values(name, **labels))


def names_in_alerts():
    """The metrics that the shipped alerts ask for; a name that no page has would never raise one."""
    return set(re.findall(r"\bcardea_\w+", ALERTS.read_text()))


def queries_of_dashboard():
    """What the shipped dashboard asks Prometheus, for all instances and 30 s: {title of the panel: expression}."""
    panels = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]
    return {panel["title"]: target["expr"].replace("$__rate_interval", "30s").replace("$instance", ".*")
            for panel in panels for target in panel["targets"]}
