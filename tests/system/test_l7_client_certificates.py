"""Certificates of clients, asked with curl: required and optional ones, whose they are told to backends, revoked ones, sessions that
do not outlive the trust in them; and ours, shown to a backend that asks for one (another service of the same host)."""
import json

import pytest

from lab.site import endpoint
from lab.web import SHOP, Web

REQUIRED, OPTIONAL, THROUGH = "https://shop.example:8443", "https://shop.example:8444", "http://shop.example:8080/through/"
TOLD = {"X-Subject": "${tls_client_subject}", "X-Fingerprint": "${tls_client_fingerprint}", "X-Serial": "${tls_client_serial}"}


def asking(document, trust, ours):
    required = next(s for s in document["services"] if s["name"] == "origin_tls")
    plain = next(s for s in document["services"] if s["name"] == "origin")
    certificates = required["tls"]["certificates"]
    told = {"request_headers": {"set": [f"{name}: {value}" for name, value in TOLD.items()]}}
    required.update(told, tls={"certificates": certificates, "client_auth": trust})
    document["services"].append({**required, **told, "name": "optional", "listen": [endpoint(SHOP[4], 8444) + "/tcp"],
                                 "tls": {"certificates": certificates, "client_auth": {**trust, "mode": "optional"}}})
    document["pools"].append({"name": "mutual", "backends": [{"address": endpoint(SHOP[4], 8443)}], "health": {"type": "none"},
                              "tls": {"server_name": "shop.example", "authorities": trust["authorities"], "certificate": ours}})
    plain["routes"] = [{"name": "through", "match": {"path": "/through/"}, "pool": "mutual", "rewrite": {"prefix": "/echo/"}},
                       *plain["routes"]]


class Clients(Web):
    """The lab's authority has issued certificates to clients, too."""

    def __init__(self):
        super().__init__(origin=True)
        for name in ("ann", "eve"):
            self.authority.issue(name, usage="clientAuth")
        asking(self.document, {"authorities": str(self.authority.certificate), "revocations": self.authority.revoke("eve")},
               self.authority.issue("cardea-itself", usage="clientAuth"))


@pytest.fixture(scope="module")
def web():
    with Clients() as running:
        yield running


def shown(web, name):
    folder = web.authority.folder
    return "--cert", f"{folder / name}.crt", "--key", f"{folder / name}.key"


def seen(web, url, *words):
    return {name.lower(): value for name, value in json.loads(web.curl(url, *words).stdout)["headers"]}


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
@pytest.mark.parametrize("tls", ["1.2", "1.3"])
def test_backends_are_told_whose_certificate_it_is(web, version, tls):
    headers = seen(web, REQUIRED + "/echo/", version, "--tlsv" + tls, "--tls-max", tls, *shown(web, "ann"), "-H", "X_Subject: CN=root")
    fingerprint = web.site.client.run("bash", "-c", f"openssl x509 -in {web.authority.folder / 'ann.crt'} -outform DER | sha256sum").stdout
    assert headers["x-subject"] == "CN=ann" and headers["x-fingerprint"] == fingerprint.split()[0] and headers["x-serial"]
    assert "x_subject" not in headers


def test_who_shows_none_is_refused_or_told_apart(web):
    assert web.curl(REQUIRED + "/echo/", check=False).returncode in (35, 56)
    assert web.logged(service="origin_tls", reason="certificate")
    headers = seen(web, OPTIONAL + "/echo/")
    assert not {"x-subject", "x-fingerprint"} & set(headers)
    assert seen(web, OPTIONAL + "/echo/", *shown(web, "ann"))["x-subject"] == "CN=ann"


@pytest.mark.parametrize("base", [REQUIRED, OPTIONAL])
def test_who_is_revoked_or_a_strangers_is_refused(web, base):
    assert web.curl(base + "/echo/", *shown(web, "eve"), check=False).returncode in (35, 56), "revoked"
    web.site.client.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ann", "-days", "2",
                        "-keyout", f"{web.authority.folder}/stranger.key", "-out", f"{web.authority.folder}/stranger.crt")
    assert web.curl(base + "/echo/", *shown(web, "stranger"), check=False).returncode in (35, 56), "nobody's"


def test_we_show_ours_to_a_backend_that_asks(web):
    assert seen(web, THROUGH)["x-subject"] == "CN=cardea-itself"


def test_a_session_does_not_outlive_the_trust(web):
    file, folder = web.site.run.path / "client-session", web.authority.folder
    ask = "printf 'GET /echo/ HTTP/1.1\\r\\nHost: shop.example\\r\\nConnection: close\\r\\n\\r\\n'; sleep 0.5"
    connect = (f"openssl s_client -connect {SHOP[4]}:8443 -servername shop.example -ign_eof -cert {folder}/ann.crt "
               f"-key {folder}/ann.key")
    first = web.site.client.run("bash", "-c", f"({ask}) | {connect} -sess_out {file} 2>&1", check=False).stdout
    again = web.site.client.run("bash", "-c", f"({ask}) | {connect} -sess_in {file} 2>&1", check=False).stdout
    assert "New, TLSv1.3" in first and "Reused, TLSv1.3" in again and "CN=ann" in again
    web.authority.revoke("eve", "ann")
    web.cardea.reload()
    after = web.site.client.run("bash", "-c", f"({ask}) | {connect} -sess_in {file} 2>&1", check=False).stdout
    assert "Reused" not in after and "200 OK" not in after
