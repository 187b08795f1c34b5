"""NAT ports come back while their backend still has them in TIME-WAIT: nobody's connection is refused or waits for that."""
import time

import pytest

from lab.standard import WEB, Standard

PORTS, AT_ONCE, ROUNDS = 256, 200, 4
REST = 1  # seconds that a closed flow keeps its port


@pytest.fixture(scope="module")
def standard():
    def few_ports(document):
        document["dataplane"]["nat"] = {"port_first": 1024, "port_last": 1024 + PORTS - 1}
    with Standard(weights=[1, 1, 1], change=few_ports) as running:
        yield running


def resets_sent(namespace):
    names, values = [line.split() for line in namespace.run("cat", "/proc/net/snmp").stdout.splitlines() if line.startswith("Tcp:")]
    return int(values[names.index("OutRsts")])


def time_waits(standard, family):
    """Ports that backends keep in TIME-WAIT: all that the test is about."""
    lines = [b.namespace.run("ss", f"-{family}Htn", "state", "time-wait", "sport", "=", ":80").stdout.splitlines()
             for b in standard.site.backends]
    return sum(map(len, lines))


@pytest.mark.parametrize("timestamps", [1, 0], ids=["timestamps", "no_timestamps"])
@pytest.mark.parametrize("family", [4, 6])
def test_a_port_in_time_wait_takes_the_next_connection(standard, family, timestamps):
    client = standard.site.client
    client.sysctl({"net.ipv4.tcp_timestamps": timestamps})
    before = resets_sent(client)
    for _ in range(ROUNDS):
        result = standard.connect(AT_ONCE, address=WEB[family])
        assert result["failed"] == 0, result
        time.sleep(REST + 0.5)
    client.sysctl({"net.ipv4.tcp_timestamps": 1})
    assert time_waits(standard, family) > AT_ONCE, "the backends close first and remember it"
    # A backend that does not take a SYN acknowledges what it remembers; the client answers that with a reset.
    assert resets_sent(client) - before == 0
