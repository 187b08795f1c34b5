"""dataplane.nat.addresses: connections to backends come from those addresses and from no port's own; one more by a reload is used, and
one that leaves keeps the connections that it has, for as long as they last. No reload of them restarts anything."""
import pytest

from lab.site import LAN
from lab.standard import ECHO, WEB, Standard
from lab.wait import until

HOSTS = [3, 4]  # of the lan's network
LATER = 5
FAMILIES = [4, 6]


def addresses(hosts, family):
    return {LAN.address(host, family) for host in hosts}


def name_sources(document, hosts):
    document["dataplane"]["nat"] = {"addresses": sorted(addresses(hosts, 4) | addresses(hosts, 6))}


@pytest.fixture(scope="module")
def standard(any_device):
    def first(document):
        name_sources(document, HOSTS)
        document["dataplane"]["timeouts"] = {"udp": "1s", "tcp_closing": "1s"}
    with Standard("fullnat", any_device, change=first) as running:
        yield running


@pytest.fixture(autouse=True)
def the_first_two(standard):
    yield
    reload_with(standard, HOSTS)


def reload_with(standard, hosts):
    pid = standard.cardea.dataplane.pid
    name_sources(standard.document, hosts)
    standard.reload()
    standard.cardea.until_ready()
    assert standard.cardea.dataplane.alive() and standard.cardea.dataplane.pid == pid


def seen_by_backends(standard, family, datagrams=200):
    """The sources of that many new flows. Those asked before are over, or one that comes from the same port would go on."""
    until(lambda: sum(b["flows"] for b in standard.cardea.backends() if b["pool"].startswith("echo")) == 0, 20, "no flow of UDP")
    result = standard.load("udp", "udp", ECHO[family], 53, "--datagrams", datagrams).finish()
    assert result["failed"] == 0, result
    return set(result["sources"])


def connected_from(standard, family):
    """The sources of the web servers' connections, health checks aside."""
    rows = "\n".join(backend.namespace.run("ss", f"-{family}Htn", "state", "established", "sport", "=", ":80").stdout
                     for backend in standard.site.backends)
    peers = {row.split()[3].rpartition(":")[0].strip("[]").removeprefix("::ffff:") for row in rows.splitlines() if row.strip()}
    return peers - {LAN.address(1, family)}


def has(standard, address):
    """Whether it is the load balancer's, who has it set on one of its interfaces."""
    return f" {address}/" in standard.site.lb.run("ip", "-o", "addr").stdout


@pytest.mark.parametrize("family", FAMILIES)
def test_connections_come_from_all_of_them_and_from_no_other(standard, family):
    assert seen_by_backends(standard, family) == addresses(HOSTS, family)
    result = standard.connect(200, address=WEB[family])
    assert result["failed"] == 0 and set(result["backends"]) == {"b1", "b2", "b3"}, result


@pytest.mark.parametrize("family", FAMILIES)
def test_one_more_is_used_from_the_reload_on(standard, family):
    held = standard.load("hold", "hold", WEB[family], 80, "--connections", 12, "--pause", 0.05, "--timeout", 20)
    until(lambda: connected_from(standard, family) == addresses(HOSTS, family), 10, "connections from both")
    reload_with(standard, [*HOSTS, LATER])
    assert seen_by_backends(standard, family) == addresses([*HOSTS, LATER], family)
    result = held.stop()
    assert result["failed"] == result["moved"] == 0, result


@pytest.mark.parametrize("family", FAMILIES)
def test_one_that_leaves_keeps_its_connections_and_goes_with_the_last(standard, family):
    stays, leaves = addresses(HOSTS[:1], family), LAN.address(HOSTS[1], family)
    held = standard.load("hold", "hold", WEB[family], 80, "--connections", 24, "--pause", 0.05, "--timeout", 20)
    until(lambda: leaves in connected_from(standard, family), 10, "a connection from the one that is to leave")
    reload_with(standard, HOSTS[:1])
    assert seen_by_backends(standard, family) == stays
    assert leaves in connected_from(standard, family) and has(standard, leaves)
    result = held.stop()
    assert result["failed"] == result["moved"] == 0, result
    assert [client for client in result["clients"] if client["requests"] < 3] == []
    until(lambda: not has(standard, leaves), 20, "nobody has it any more")
