"""Reading a page in Prometheus' text format: samples by name and labels, for tests that compare before and after."""
import pathlib
import re

ALERTS = pathlib.Path(__file__).resolve().parents[3] / "deploy/prometheus/cardea-alerts.yml"
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
