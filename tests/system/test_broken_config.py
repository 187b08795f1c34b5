"""A broken configuration file: every mistake is told, the old plan serves on, and status and metrics show the failure."""
import pytest

from lab.cardea import binary
from lab.metrics import Page
from lab.standard import Standard
from lab.wait import until

BROKEN = """
cluster = { name = "lab"; seed = "x"; };
dataplane = {
  workers = [1];
  flows = "many";
  ports = ( { name = "wan"; device = "net_af_packet,iface=nic-wan"; addresses = ["192.0.2.1/240"]; } );
};
pools = ( { name = "web"; balanse = "maglev"; backends = ( { address = "10.0.0.11"; } ); } );
services = ( { name = "web"; mode = "l4"; listen = ["203.0.113.10:80/tcp"]; forward = "fullnat"; pool = "wep"; } );
"""
# line of the mistake, the setting's path, a word that must be in the message
MISTAKES = [(5, "dataplane.flows", "many"), (6, "addresses", "192.0.2.1/240"), (8, "balanse", "balance"),
            (8, "address", "10.0.0.11"), (9, "pool", "wep")]


@pytest.fixture(scope="module")
def standard():
    with Standard(weights=[1, 1, 1], families=(4,)) as running:
        yield running


@pytest.fixture
def broken(standard):
    standard.cardea.write(BROKEN)
    yield standard.cardea.file
    standard.reload()


def assert_all_told(text):
    for line, path, word in MISTAKES:
        assert any(f":{line}" in row and path in row and word in row for row in text.splitlines()), (line, path, word, text)


def test_check_lists_every_mistake(standard, broken):
    done = standard.cardea.run("check", broken, check=False)
    assert done.returncode == 1
    assert_all_told(done.stdout + done.stderr)


def test_reload_refuses_and_the_old_plan_serves(standard, broken):
    before = standard.cardea.cli("status")["generation"]
    done = standard.cardea.reload(check=False)
    assert done.returncode == 1
    assert_all_told(done.stdout + done.stderr)
    assert standard.connect(100)["failed"] == 0
    status = standard.cardea.cli("status")
    assert status["generation"] == before
    assert "flows" in str(status), "status does not tell what was refused"
    page = Page(standard.cardea.metrics_page())
    assert page.values("cardea_config_last_reload_success") == [0]


def test_a_repaired_file_clears_the_failure(standard):
    standard.cardea.write(BROKEN)
    standard.cardea.reload(check=False)
    standard.reload()
    assert Page(standard.cardea.metrics_page()).values("cardea_config_last_reload_success") == [1]


def test_a_file_that_does_not_parse_is_told_with_its_line(standard):
    standard.cardea.write("pools = (\n  { name = \"web\"; \n")
    done = standard.cardea.run("check", standard.cardea.file, check=False)
    standard.reload()
    assert done.returncode == 1 and "cardea.cfg:" in done.stdout + done.stderr


NO_SUCH_CARD = "0000:ff:1f.7"


@pytest.fixture
def without_card(standard):
    """Its first port names a card that is not there; afterwards all is as it was, and serves."""
    port = standard.document["dataplane"]["ports"][0]
    device, port["device"] = port["device"], NO_SUCH_CARD
    yield standard
    port["device"] = device
    standard.reload()
    standard.cardea.start_what_ended()
    assert dataplane_row(standard)["start_failure"] is None


def dataplane_row(standard):
    return next(row for row in standard.cardea.cli("status")["processes"] if row["name"] == "dataplane")


def test_status_says_why_the_dataplane_did_not_start(without_card):
    """Also once it has ended. It tries the plan that is stored for it, and what mgmt hands over."""
    dataplane = without_card.cardea.dataplane
    dataplane.stop()
    without_card.reload()
    generation = without_card.cardea.cli("status")["generation"]
    dataplane.start()
    assert dataplane.wait(20) == 1, dataplane.tail()
    until(lambda: not dataplane_row(without_card)["connected"], 20, "mgmt knows that it has ended")
    row = dataplane_row(without_card)
    assert row["start_failure"]["generation"] == generation and NO_SUCH_CARD in row["start_failure"]["error"], row
    assert NO_SUCH_CARD in without_card.cardea.run("status").stdout
    assert "keeps its last plan" not in without_card.cardea.mgmt.tail(50)


def test_a_plan_that_a_restart_cannot_take_up_is_given_up_and_the_old_one_serves(without_card):
    before = without_card.cardea.cli("status")["generation"]
    assert "waits for a restart" in without_card.reload(check=False).stderr
    without_card.cardea.dataplane.stop()
    without_card.cardea.dataplane.start()
    until(lambda: without_card.cardea.cli("status")["waiting"] is None, 20, "what waited is given up")
    without_card.cardea.until_ready()
    status = without_card.cardea.cli("status")
    assert status["generation"] == before and NO_SUCH_CARD in status["last_reload"]["error"], status["last_reload"]
    assert without_card.connect(20)["failed"] == 0


def test_a_missing_file_is_an_io_error(standard):
    assert standard.cardea.run("check", "/nonexistent.cfg", check=False).returncode == 2


def test_usage_and_unreachable_api_have_exit_code_2(standard):
    assert standard.cardea.run("no-such-command", check=False).returncode == 2
    lost = standard.site.lb.run(binary("cardea"), "--api", "/nonexistent.sock",
                                "status", check=False)
    assert lost.returncode == 2 and "/nonexistent.sock" in lost.stderr
