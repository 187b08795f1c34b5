"""The source tree as the rules see it: files of our own folders, with their text and their includes."""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("base", "conf", "dataplane", "l7", "mgmt", "tests", "tools", "deploy")
CPP = (".cc", ".h")
NOT_SOURCES = {"__pycache__", "corpus"}


@dataclass(frozen=True)
class Source:
    path: str  # from the top of the tree
    text: str

    @property
    def folder(self):
        return self.path.split("/")[0]

    @property
    def is_cpp(self):
        return self.path.endswith(CPP)

    @property
    def is_header(self):
        return self.path.endswith(".h")


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    message: str  # what is wrong and what to do

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Include:
    line: int
    name: str
    quoted: bool


def read_tree(root):
    """Every file below our folders that is text; hidden files, generated ones and fuzz corpora are left out."""
    sources = []
    for folder in FOLDERS:
        for path in sorted(Path(root, folder).rglob("*")):
            inner = path.relative_to(root)
            if not path.is_file() or any(part.startswith(".") or part in NOT_SOURCES for part in inner.parts):
                continue
            sources.append(Source(str(inner), path.read_text(errors="replace")))
    return sources


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)


def includes(source):
    for match in INCLUDE.finditer(source.text):
        yield Include(source.text.count("\n", 0, match.start()) + 1, match[2], match[1] == '"')
