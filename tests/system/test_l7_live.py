"""What an operator sees and does of a running L7 without a reload: exchanges as they end (cardea tail), and certificates
whose files are replaced, as certbot replaces them."""
import json

import pytest

from lab.authority import serial, ticket_key
from lab.example import HOSTS, Example
from lab.process import Process
from lab.cardea import binary
from lab.wait import until


@pytest.fixture(scope="module")
def web():
    with Example("l7-only.cfg", "192.0.2.1", True) as running:
        yield running


def tailing(web, name, *words):
    command = web.site.lb.command(binary("cardea"), "--api", web.cardea.api, *words)
    return Process(web.site.run, name, command).start()


def lines(tail):
    return tail.log.read_text().splitlines()


def test_exchanges_are_shown_as_they_end_as_far_as_they_were_asked_for(web):
    tail = tailing(web, "tail", "tail", "status == 200 && path == \"/pages/seen\"", "--count", "3")
    try:
        def shown():
            web.get("https://shop.example/pages/other")
            web.get("https://shop.example/pages/seen")
            return not tail.alive()
        until(shown, 20, "three exchanges were shown")
    finally:
        tail.stop() if tail.alive() else None
    assert len(lines(tail)) == 3 and all("GET shop.example/pages/seen" in line and "  200  " in line for line in lines(tail)), lines(tail)


def test_they_are_whole_as_json(web):
    tail = tailing(web, "json", "--json", "tail", "--count", "1")
    try:
        until(lambda: web.get("https://shop.example/pages/whole") and not tail.alive(), 20, "an exchange was shown")
    finally:
        tail.stop() if tail.alive() else None
    row = json.loads(lines(tail)[0])
    assert (row["status"], row["path"], row["service"]) == (200, "/pages/whole", row["service"]) and row["id"]


def test_a_filter_that_cannot_be_read_says_where(web):
    done = web.cardea.run("tail", "stattus == 5", check=False)
    assert done.returncode == 1 and "at character 1" in done.stderr and "stattus" in done.stderr and ", status, " in done.stderr, done.stderr


def test_a_session_outlives_a_restart_where_the_ticket_keys_are_in_a_file(web):
    tickets = web.site.run.path / "tickets"
    tickets.write_text(ticket_key() + "\n")
    tickets.chmod(0o640)
    text = web.cardea.file.read_text()
    web.cardea.file.write_text(text.replace("l7:\n{", f'l7:\n{{\n  ticket_keys = "{tickets}";', 1))
    web.cardea.reload()
    session = web.site.run.path / "session"
    ask = f"printf 'GET /pages/x HTTP/1.1\\r\\nHost: {HOSTS[0]}\\r\\nConnection: close\\r\\n\\r\\n'; sleep 0.5"
    connect = f"openssl s_client -connect {web.address}:443 -servername {HOSTS[0]} -ign_eof"
    first = web.site.client.run("bash", "-c", f"({ask}) | {connect} -sess_out {session} 2>&1").stdout
    web.cardea.l7.stop()
    web.cardea.l7.start()
    web.cardea.until_ready()
    again = web.site.client.run("bash", "-c", f"({ask}) | {connect} -sess_in {session} 2>&1").stdout
    assert "New, TLSv1.3" in first and "Reused, TLSv1.3" in again
    tickets.write_text("")
    refused = web.cardea.run("check", str(web.cardea.file), check=False)
    assert refused.returncode == 1 and "there is no key in it" in refused.stdout + refused.stderr
    web.cardea.file.write_text(text)
    web.cardea.reload()


def served(web, host):
    return web.site.client.run("bash", "-c", f"openssl s_client -connect {web.address}:443 -servername {host} </dev/null "
                               "2>/dev/null | openssl x509 -noout -serial").stdout.strip().removeprefix("serial=")


def test_a_certificate_whose_files_change_is_served_without_a_reload_and_what_is_open_goes_on(web):
    file = web.authority.folder / f"{HOSTS[0]}.crt"
    generation = web.cardea.cli("status")["generation"]
    before, other = serial(file), served(web, HOSTS[1])
    assert served(web, HOSTS[0]) == before
    web.authority.issue(HOSTS[0], kind="ec")
    now = serial(file)
    assert now != before
    until(lambda: served(web, HOSTS[0]) == now, 20, "the new certificate is served", pause=0.5)
    assert served(web, HOSTS[1]) == other
    assert web.cardea.cli("status")["generation"] == generation
    assert web.get(f"https://{HOSTS[0]}/pages/x")[0] == 200


STAPLED = "ocsp.example"
RESPONDER = 8888


def stapled(web, version="tls1_3"):
    """What a client that asks for it is told, by openssl's own checks."""
    said = web.site.client.run("bash", "-c", f"openssl s_client -connect {web.address}:443 -servername {STAPLED} -{version} -status "
                               f"-CAfile {web.authority.certificate} </dev/null 2>&1").stdout
    assert "OCSP response: no response sent" in said or "OCSP Response Status: successful" in said, said
    return "Cert Status: good" in said


def responder(web):
    running = web.authority.responder(web.site, RESPONDER, STAPLED).start()
    until(lambda: "waiting for OCSP client connections" in running.tail(), 10, "the responder listens", pause=0.05)
    return running


def must_staple(web):
    return web.authority.issue(STAPLED, with_issuer=True, more=[f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{RESPONDER}/",
                                                               "tlsfeature=status_request"])


def shown(web):
    (row,) = [row for row in web.cardea.cli("show", "certs")["certificates"] if STAPLED in row["names"]]
    return row


def test_what_the_responder_says_is_stapled_outlives_it_a_reload_and_a_restart_and_goes_with_its_certificate(web):
    files = must_staple(web)
    text = web.cardea.file.read_text()

    def serve_with(ocsp):
        pair = f'certificates = ( {{ cert = "{files["cert"]}"; key = "{files["key"]}"; {ocsp} }},'
        web.cardea.file.write_text(text.replace("certificates = (", pair, 1))
        return web.cardea.reload()

    serve_with("")
    assert not stapled(web) and "must-staple" in shown(web)["warning"]
    assert "must be stapled" in web.cardea.run("check", str(web.cardea.file), check=False).stdout
    asked = responder(web)
    serve_with('ocsp = "fetch";')
    until(lambda: stapled(web), 20, "an answer is stapled", pause=0.1)
    assert stapled(web, "tls1_2")
    assert shown(web)["stapled_until"] and shown(web)["warning"] is None
    asked.stop()
    web.cardea.reload()
    assert stapled(web), "behind a reload"
    web.cardea.l7.stop()
    web.cardea.l7.start()
    web.cardea.until_ready()
    assert stapled(web) and stapled(web, "tls1_2"), "behind a restart"
    assert "cardea_l7_certificate_stapled_until_seconds" in web.cardea.metrics_page()
    must_staple(web)
    web.cardea.reload()
    assert not stapled(web), "another certificate"
    until(lambda: "onnect" in shown(web)["warning"], 20, "it is said why nothing is stapled", pause=0.1)
    web.cardea.file.write_text(text)
    web.cardea.reload()
