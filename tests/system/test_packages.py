"""The Debian packages: what they hold, that equal sources make equal bytes, and a host's life with them: installed, upgraded under
running daemons, removed, purged."""
import json
import re

import pytest

from lab import debs
from lab.debs import build, newer, package
from lab.machine import Machine
from lab.namespace import run
from lab.wait import until

CONFIGURATION = """
mgmt = {};
l7 = { shards = [0]; };
pools = ( { name = "web"; backends = ( { address = "127.0.0.1:9"; } ); health = { type = "none"; }; } );
services = ( { name = "site"; mode = "http"; listen = [ "127.0.0.1:8088/tcp" ]; routes = ( { pool = "web"; } ); } );
"""
# Where a package may leave something. The rest of the tree is the host's below, where builds may be going on.
PLACES = ("/boot", "/etc", "/home", "/opt", "/srv", "/usr", "/var")
# Where dpkg, the journal and systemd keep books of their own.
BOOKS = re.compile(r"/var/(lib/dpkg|lib/systemd|log/journal|log/dpkg\.log|log/apt|cache|lib/apt)|/run|"
                   r"/etc/(passwd|group|shadow|gshadow|ld\.so\.cache)")


@pytest.fixture(scope="module")
def made():
    return debs.built()


def paths(deb):
    return {row.split(None, 5)[5].lstrip(".") for row in run(["dpkg-deb", "-c", deb]).stdout.splitlines()}


def test_layer_7_needs_no_dpdk(made):
    depends = run(["dpkg-deb", "-f", package(made, "cardea"), "Depends"]).stdout
    assert "librte" not in depends and "libssl3" in depends and "libmodsecurity" not in depends
    assert "libmodsecurity3" in run(["dpkg-deb", "-f", package(made, "cardea-waf"), "Depends"]).stdout
    assert "librte-net-mlx5" in run(["dpkg-deb", "-f", package(made, "cardea-dataplane"), "Depends"]).stdout


def test_everything_an_operator_looks_for_is_there(made):
    assert {"/usr/bin/cardea", "/usr/sbin/cardea-l7", "/usr/sbin/cardea-mgmt", "/usr/share/man/man1/cardea.1.gz",
            "/usr/share/man/man5/cardea.cfg.5.gz", "/usr/share/man/man8/cardea-l7.8.gz", "/usr/share/man/man8/cardea-mgmt.8.gz",
            "/usr/share/bash-completion/completions/cardea"} <= paths(package(made, "cardea"))
    assert {"/usr/sbin/cardea-dataplane", "/usr/share/man/man8/cardea-dataplane.8.gz"} <= paths(package(made, "cardea-dataplane"))
    assert {"/usr/sbin/cardea-waf", "/usr/share/man/man8/cardea-waf.8.gz"} <= paths(package(made, "cardea-waf"))
    assert any(made.glob("cardea-dataplane-dbgsym_*.deb")) and any(made.glob("cardea-dbgsym_*.deb"))


def test_man_pages_say_what_it_is(made, tmp_path):
    run(["dpkg-deb", "-x", package(made, "cardea"), tmp_path])
    for page, words in (("man1/cardea.1", "command line"), ("man8/cardea-l7.8", "HTTP"), ("man5/cardea.cfg.5", "pools")):
        assert words in run(["man", "-l", tmp_path / f"usr/share/man/{page}.gz"]).stdout, page


def test_the_list_of_parts_names_what_is_linked(made):
    parts = json.loads(next(made.glob("cardea_*.spdx.json")).read_text())
    names = {row["name"] for row in parts["packages"]}
    assert parts["spdxVersion"] == "SPDX-2.3" and {"cardea", "libssl3", "libfmt9", "nlohmann-json3-dev"} <= names
    assert any(row["fileName"] == "./usr/sbin/cardea-l7" for row in parts["files"])


def test_equal_sources_make_equal_bytes(made, tmp_path):
    again = build(tmp_path / "some/other/folder")
    for name in ("cardea", "cardea-dataplane"):
        assert package(made, name).read_bytes() == package(again, name).read_bytes(), name


# ---- a host's life


@pytest.fixture(scope="module")
def host():
    with Machine() as machine:
        yield machine


def install(host, packages):
    for deb in packages:
        host.copy(deb, f"/tmp/{deb.name}")
    return host.run("dpkg", "-i", *(f"/tmp/{deb.name}" for deb in packages), timeout=120)


def everything(host):
    found = host.run("find", *PLACES, "-xdev", timeout=120)
    return {path for path in found.stdout.splitlines() if not BOOKS.match(path)}


def pids(host):
    return {unit: host.show(unit, "MainPID")[0] for unit in ("cardea-l7", "cardea-mgmt")}


def test_a_host_from_installation_to_purge(host, made, tmp_path):
    """Installed, started, upgraded under running daemons, restarted, removed, purged."""
    before = everything(host)
    install(host, debs.installed(made))
    enabled = host.run("systemctl", "is-enabled", "cardea-mgmt", check=False).stdout.strip()
    assert enabled == "disabled", "whoever has no file yet starts nothing"

    host.write("/etc/cardea/cardea.cfg", CONFIGURATION)
    host.run("systemctl", "start", "cardea-mgmt", "cardea-l7", timeout=60)
    assert "not connected" not in host.run("cardea", "status").stdout, "started means serving"
    running = pids(host)

    told = install(host, newer(made, tmp_path)).stdout
    assert pids(host) == running, "an upgrade interrupts nobody"
    assert re.search(r"systemctl restart cardea-mgmt.service && systemctl reload cardea-l7\n", told), told
    assert f"({debs.NEWER})" in host.run("dpkg-query", "-W", "-f=(${Version})", "cardea").stdout
    host.run("systemctl", "restart", "cardea-mgmt", timeout=60)
    host.run("systemctl", "reload", "cardea-l7", timeout=60)
    until(lambda: "not connected" not in host.run("cardea", "status").stdout, 20, "mgmt and the new cardea-l7 know each other")
    assert set(pids(host).values()).isdisjoint(running.values())

    host.run("dpkg", "--remove", "cardea-dataplane", "cardea", timeout=60)
    until(lambda: all(pid == "0" for pid in pids(host).values()), 20, "the daemons have ended")
    assert host.run("cat", "/etc/cardea/cardea.cfg").stdout == CONFIGURATION, "removing keeps what the operator wrote"
    host.run("dpkg", "--purge", "cardea-dataplane", "cardea", timeout=60)
    left = everything(host) - before
    assert not left, sorted(left)
