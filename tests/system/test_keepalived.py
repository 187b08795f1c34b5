"""Debian's keepalived moves a service's address between two appliances whose ports are interfaces, as conf/examples/keepalived.conf
has it: both layers answer on whichever has it, and the other stays quiet."""
import pytest

from lab import packets
from lab.pair import VIP, Pair
from lab.stats import read
from lab.wait import until


@pytest.fixture(scope="module")
def pair():
    with Pair() as running:
        yield running


def handled(appliance):
    """Connections and requests that came to it by its services, on either layer."""
    l4, l7 = (read(appliance.run.sockets / f"{name}.stats") for name in ("dataplane", "l7"))
    return sum(value for rows, name in ((l4, "cardea_service_flows_total"), (l7, "cardea_l7_service_requests_total"))
               for (found, _), value in rows.items() if found == name)


def both_layers_answer_on(pair, holder, other):
    assert holder.has_address() and not other.has_address()
    quiet, busy = handled(other), handled(holder)
    for port in (80, 8080):
        until(lambda port=port: pair.get(port) in ("b1", "b2"), 10, f"port {port} is answered")
    assert packets.neighbour(pair.client, VIP) == packets.hardware_address(holder.lb, "nic-wan")
    until(lambda: handled(holder) >= busy + 2, 5, "who has the address served")
    assert handled(other) == quiet, "the other one was asked for nothing"


def test_one_of_the_two_answers_and_the_other_stays_quiet(pair):
    both_layers_answer_on(pair, *pair.holder())


@pytest.mark.parametrize("daemon", ["dataplane", "l7"])
def test_a_host_whose_daemons_do_not_serve_gives_the_address_away(pair, daemon):
    holder, other = pair.holder()
    assert holder.cardea.run("status", "--serving").returncode == 0
    getattr(holder.cardea, daemon).kill()
    until(lambda: other.has_address() and not holder.has_address(), 20, "the address has moved")
    assert holder.cardea.run("status", "--serving", check=False).returncode == 1
    both_layers_answer_on(pair, other, holder)
    holder.cardea.start_what_ended()
    holder.cardea.until_backends("up")
    assert other.has_address() and not holder.has_address(), "who comes back takes nothing away"


def test_a_reload_leaves_the_address_to_whom_it_belongs(pair):
    holder, other = pair.holder()
    for appliance in (other, holder):
        text = appliance.cardea.file.read_text()
        appliance.cardea.write(text.replace(f"{VIP}:8080", f"{VIP}:8081"))
        appliance.cardea.reload()
        assert appliance.has_address() == (appliance is holder)
        appliance.cardea.write(text)
        appliance.cardea.reload()
    both_layers_answer_on(pair, holder, other)


def test_an_orderly_end_moves_it_too(pair):
    holder, other = pair.holder()
    assert holder.keepalived.stop() == 0
    until(other.has_address, 20, "the address has moved")
    both_layers_answer_on(pair, other, holder)
    holder.keepalived.start()
