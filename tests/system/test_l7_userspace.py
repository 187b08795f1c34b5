"""L7 on TCP of its own behind the dataplane: clients and backends are spoken to through the door, and the kernel sees no
connection of theirs. What every protocol does over it, reloads from one transport to the other, and each process's death."""
import hashlib
import re
import time

import pytest

from lab import stats
from lab.wait import until
from lab.web import SHOP, STREAM, Web

BIG = 10 << 20


def userspace(document):
    document["l7"]["transport"] = "userspace"


@pytest.fixture(scope="module")
def web():
    with Web(kernel=False, origin=True, change=userspace) as running:
        until_attached(running)
        yield running


@pytest.fixture(autouse=True)
def everything_runs(web):
    web.cardea.start_what_ended()
    until_attached(web)
    web.cardea.until_backends("up")


def until_attached(web, state="attached"):
    until(lambda: web.cardea.cli("status").get("l7_door") == state, 10, f"the door is {state}")


def ours(web):
    return web.cardea.cli("show", "connections", "--limit", "2000")["connections"]


def of_the_kernel(web):
    """Connections of the lb's kernel with service ports: what the health checks have is not among them."""
    text = web.site.lb.run("ss", "-Htn", "state", "established").stdout
    return [line for line in text.splitlines() if re.search(r"(203\.0\.113\.2\d|2001:db8:100::)\S*:(80|443|25|8080|8443)\s", line)]


def of_clients(web):
    return [c for c in ours(web) if c["local"] == f"{SHOP[4]}:443" and c["state"] == "established"]


def test_the_kernel_has_none_of_the_connections(web):
    holding = web.load("held", "hold", SHOP[4], 443, "--connections", 4, "--path", "/api/x", "--pause", 0.05, *web.tls())
    until(lambda: len(of_clients(web)) >= 4, 10, "the clients' connections are ours")
    assert of_the_kernel(web) == []
    backends = [c for c in ours(web) if c["opened_by"] == "us" and c["state"] == "established"]
    assert {c["peer"].split(":")[0] for c in backends} <= {b.address(4) for b in web.site.backends} and backends
    held = holding.stop()
    assert held["failed"] == 0 and held["requests"] > 0, held


@pytest.mark.parametrize("family", [4, 6])
def test_https_over_either_family(web, family):
    address = f"[{SHOP[6]}]" if family == 6 else SHOP[4]
    status, _, body = web.get("https://shop.example/api/x", "--resolve", f"shop.example:443:{address}")
    assert status == 200 and re.match(r"b[12] api /api/x ", body)


def test_http2(web):
    text = web.curl("https://shop.example/pages/x", "--http2", "-w", "%{http_version}").stdout
    assert text.endswith("\n2"), text


@pytest.mark.parametrize("url", ["http://shop.example/big", "https://shop.example/big"])
def test_a_large_answer_arrives_whole(web, url):
    file = web.site.run.path / "got"
    web.curl(url, "-o", file, timeout=60)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == web.nginx["b1"].big_sha256


def test_a_large_body_arrives_whole(web):
    file = web.site.run.path / "sent"
    file.write_bytes(bytes(i * 7 % 251 for i in range(1 << 16)) * (BIG >> 16))
    expected = hashlib.sha256(file.read_bytes()).hexdigest()
    text = web.curl("https://shop.example:8443/sink", "-X", "POST", "-H", "Expect:", "--data-binary", f"@{file}", timeout=60).stdout
    assert expected in text


def test_a_tcp_service(web):
    text = web.site.client.run("curl", "-sS", "--max-time", "10", f"http://{STREAM}:25/").stdout
    assert re.match(r"b[12]\n", text)


def test_many_requests_on_few_connections(web):
    before = len(ours(web))
    urls = [f"https://shop.example/api/{n}" for n in range(200)]
    text = web.site.client.run("curl", "-sS", "--http1.1", "--cacert", web.authority.certificate, *urls, timeout=60).stdout
    assert len(text.splitlines()) == 200
    assert len(ours(web)) - before < 20


def test_clients_that_reset_harm_nobody(web):
    for _ in range(20):
        web.site.client.run("python3", "-c", "import socket,struct\n"
                            f"s = socket.create_connection(('{SHOP[4]}', 80), 5)\n"
                            "s.sendall(b'GET /big HTTP/1.1\\r\\nHost: shop.example\\r\\n\\r\\n')\n"
                            "s.recv(1)\n"
                            "s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))\n")
    assert web.get("http://shop.example/")[0] == 200
    until(lambda: not [c for c in ours(web) if c["local"] == f"{SHOP[4]}:80" and c["state"] == "established"], 10, "all are gone")


def test_a_backend_that_dies_is_left(web):
    web.nginx["b1"].kill()
    try:
        for n in range(30):
            assert web.get(f"https://shop.example/pages/{n}")[0] == 200
    finally:
        web.nginx["b1"].start()


def test_reloads_lead_from_one_transport_to_the_other_and_back(web):
    """What is open at that moment is cut, as its packets go elsewhere from then on; whoever comes behind it is served."""
    url = "https://shop.example/api/x"
    try:
        for transport in ("kernel", "userspace", "kernel"):
            web.document["l7"]["transport"] = transport
            web.reload()
            assert web.get(url)[0] == 200
            held = web.load("held", "hold", SHOP[4], 443, "--connections", 2, "--path", "/api/x", "--pause", 0.05, *web.tls())
            whose = of_the_kernel if transport == "kernel" else of_clients
            until(lambda: len(whose(web)) >= 2, 10, f"the connections are the {transport}'s")
            time.sleep(0.5)
            counts = held.stop()
            assert counts["failed"] == 0 and counts["requests"] > 0, counts
    finally:
        web.document["l7"]["transport"] = "userspace"
        web.reload()
    assert web.get(url)[0] == 200


def test_connections_go_on_when_the_dataplane_is_killed(web):
    holding = web.load("survivors", "hold", SHOP[4], 443, "--connections", 10, "--pause", 0.1, "--timeout", 40, *web.tls())
    time.sleep(1)
    pid = web.cardea.l7.pid
    web.cardea.kill_dataplane()
    web.cardea.dataplane.start()
    web.cardea.until_ready()
    until_attached(web)
    until(lambda: web.get("https://shop.example/api/x")[0] == 200, 10, "it serves")
    time.sleep(1)
    held = holding.stop()
    assert held["failed"] == 0, held
    assert all(client["requests"] > 5 for client in held["clients"])
    assert web.cardea.l7.pid == pid and web.cardea.l7.alive()


def drops(web, reason):
    return stats.read(web.site.run.sockets / "dataplane.stats")["cardea_drops_total", f'reason="{reason}"']


def test_clients_of_a_process_that_was_killed_are_told_while_nobody_follows_it(web):
    holding = web.load("told", "hold", SHOP[4], 443, "--connections", 4, "--path", "/api/x", "--pause", 0.05, "--timeout", 60, *web.tls())
    until(lambda: len(of_clients(web)) >= 4, 10, "the clients are there")
    time.sleep(0.5)
    before = drops(web, "shard_gone")
    web.cardea.kill_l7()
    held = holding.finish(20)  # each ends with its connection; without a reset, with its patience
    assert held["corrupt"] == 0 and held["requests"] > 0, held
    assert [f["why"] for f in held["examples"] if f["why"] == "timed out"] == [] and held["failed"] == 4, held
    assert drops(web, "shard_gone") >= before + 4


def test_who_follows_a_process_that_was_killed_tells_its_clients_and_serves(web):
    holding = web.load("cut", "hold", SHOP[4], 443, "--connections", 4, "--path", "/api/x", "--pause", 0.05, "--timeout", 20, *web.tls())
    until(lambda: len(of_clients(web)) >= 4, 10, "the clients are there")
    time.sleep(0.5)
    web.cardea.kill_l7()
    web.cardea.l7.start()
    web.cardea.until_ready()
    until_attached(web)
    held = holding.finish(15)
    assert held["corrupt"] == 0 and held["requests"] > 0, held
    assert web.get("https://shop.example/api/x")[0] == 200
