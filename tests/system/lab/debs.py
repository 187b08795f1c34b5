"""The product's Debian packages of this work tree: built when the tree has changed since they were built last, and with a higher
version number for upgrades."""
import contextlib
import fcntl
import pathlib
import shutil
import tempfile

from lab.cardea import TREE
from lab.namespace import run

VERSION = "1:0.0.1~test1"  # an epoch and a tilde: both have to survive file names and comparisons
NEWER = "1:0.0.2"
KEPT = TREE / "build/machine"
INSTALLED = ("cardea", "cardea-dataplane")
ON_AN_IMAGE = (*INSTALLED, "cardea-image")


def build(folder, *options):
    run([TREE / "tools/package", "--dirty", "--work", folder / "work", "--output", folder / "made", "--version", VERSION, *options],
        timeout=900)
    shutil.rmtree(folder / "work")
    return folder / "made"


def work_tree_id():
    """Git's name for what lies in the work tree, committed or not, without the tests, of which nothing is in a package."""
    with tempfile.TemporaryDirectory() as folder:
        git = ["env", f"GIT_INDEX_FILE={folder}/index", "git", "-C", TREE]
        run([*git, "add", "--all", "--", ".", ":!tests"])
        return run([*git, "write-tree"]).stdout.strip()


@contextlib.contextmanager
def making(what):
    """One at a time makes what is kept of that name: others wait, and find it made."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with open(KEPT / f"making-{what}", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def built():
    """The folder of this work tree's packages."""
    kept = KEPT / f"debs-{work_tree_id()[:12]}"
    with making("debs"):
        if not kept.exists():
            for old in [*KEPT.glob("debs-*"), *KEPT.glob("new-debs")]:
                shutil.rmtree(old)
            new = KEPT / "new-debs"
            new.mkdir()
            build(new).rename(kept)
            new.rmdir()
    return kept


def package(made, name):
    return next(made.glob(f"{name}_*.deb"))


def installed(made):
    """The packages that a host with cards gets."""
    return [package(made, name) for name in INSTALLED]


def newer(made, folder, names=INSTALLED, added=()):
    """The same packages under a higher version. `added`: (package, one of its files, what is written behind the file's end)."""
    for name in names:
        deb = package(made, name)
        run(["dpkg-deb", "-R", deb, folder / "tree"], timeout=120)
        for _, path, more in (row for row in added if row[0] == name):
            with open(folder / "tree" / path, "a", encoding="utf8") as file:
                file.write(more)
        control = pathlib.Path(folder / "tree/DEBIAN/control")
        control.write_text(control.read_text().replace(VERSION, NEWER))
        run(["dpkg-deb", "--root-owner-group", "-b", folder / "tree", folder / f"{name}_0.0.2.deb"], timeout=300)
        shutil.rmtree(folder / "tree")
    return sorted(folder.glob("*.deb"))
