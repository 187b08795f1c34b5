"""The stages behind tools/package: a copy of the sources, Debian's own tools over it, and what is in the result.

The copy builds in build/release below itself, as the tree does, so that ccache serves both.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import sbom

TREE = pathlib.Path(__file__).resolve().parents[1]


def run(*argv, **options):
    return subprocess.run([str(a) for a in argv], check=True, text=True, **options)


def told(*argv):
    return run(*argv, cwd=TREE, stdout=subprocess.PIPE).stdout.strip()


def arguments():
    parser = argparse.ArgumentParser(prog="tools/package", description="Builds the Debian packages of this tree.")
    parser.add_argument("--dirty", action="store_true", help="of the work tree, not of its last commit")
    parser.add_argument("--version", help="the packages' version; left out, it is made of the tree's own and the commit")
    parser.add_argument("--work", type=pathlib.Path, default=TREE / "build/package", help="where the sources are copied and built")
    parser.add_argument("--output", type=pathlib.Path, default=TREE / "build/packages", help="where the packages go")
    return parser.parse_args()


def tree_version():
    return re.search(r"project\(cardea VERSION (\S+)", (TREE / "CMakeLists.txt").read_text())[1]


def commit_time():
    """Seconds since the epoch: the only time that gets into a package."""
    return int(told("git", "log", "-1", "--format=%ct"))


def version():
    stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(commit_time()))
    return f"{tree_version()}+git{stamp}.{told('git', 'rev-parse', '--short=9', 'HEAD')}"


def copy_sources(work, dirty):
    """What git knows, and nothing that lies about besides. Returns where it is."""
    source, archive = work / "source", work / "source.tar"
    shutil.rmtree(work, ignore_errors=True)
    source.mkdir(parents=True)
    if dirty:
        names = told("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
        here = "\n".join(name for name in names if (TREE / name).exists())
        run("tar", "-cf", archive, "-C", TREE, "-T", "-", input=here)
    else:
        run("git", "archive", "--output", archive, "HEAD", cwd=TREE)
    run("tar", "-xf", archive, "-C", source)
    archive.unlink()
    shutil.copytree(source / "deploy/debian", source / "debian")
    return source


def write_changelog(source, package_version):
    date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(commit_time()))
    (source / "debian/changelog").write_text(
        f"cardea ({package_version}) bookworm; urgency=medium\n\n  * See /usr/share/doc/cardea/changelog.gz.\n\n"
        f" -- Cardea <cardea@example.org>  {date}\n")


def build(source, log_file):
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(commit_time()), "TZ": "UTC",
                   "DEB_BUILD_OPTIONS": f"nocheck parallel={os.cpu_count()}"}
    os.umask(0o022)
    with open(log_file, "w") as log:
        done = subprocess.run(["dpkg-buildpackage", "-b", "-us", "-uc"], cwd=source, env=environment, stdout=log,
                              stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        last = "\n".join(log_file.read_text().splitlines()[-30:])
        sys.exit(f"{last}\ntools/package: the build failed; its whole output is in {log_file}")


def collect(work, output):
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    for file in sorted(work.glob("cardea*.*")):
        shutil.move(file, output / file.name)
    return sorted(output.glob("*.deb"))


def look_over(output):
    """lintian speaks of what Debian would refuse; any word of it fails."""
    changes = next(output.glob("*.changes"))
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", "--no-tag-display-limit", changes],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout + done.stderr + "tools/package: lintian objects")


def main():
    options = arguments()
    source = copy_sources(options.work, options.dirty)
    write_changelog(source, options.version or version())
    build(source, options.work / "log")
    packages = collect(options.work, options.output)
    look_over(options.output)
    for package in packages:
        if "-dbgsym_" not in package.name:
            sbom.write(package, package.with_suffix(".spdx.json"), commit_time())
    for file in sorted(options.output.iterdir()):
        print(f"{file.stat().st_size / 1e6:8.2f} MB  {file}")


if __name__ == "__main__":
    main()
