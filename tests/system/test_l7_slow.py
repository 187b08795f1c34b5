"""Six hundred clients that are slow on purpose, all at once: their heads, their bodies, their reading of responses. Within the
limits that the configuration states all of them are gone, and a plain client is served all the while."""
import json

import pytest

from lab.process import Process
from lab.wait import until
from lab.web import SHOP, Web, http_service

SLOW, EACH = 8084, 200
REQUEST_TIMEOUT, BODY_TIMEOUT, RATE, WINDOW = 4, 4, 500, 5
ONE_BYTE_EVERY = 1
# A body below the rate is found out after a window and its few bytes' worth; then its client has two seconds to read why. A
# reader has what its kernel and ours had room for, which counts as taken, before it is one byte at a time.
GONE_AFTER = REQUEST_TIMEOUT + BODY_TIMEOUT + 2 * WINDOW + 2

ATTACK = """
import json, selectors, socket, sys, time
address, port, each, every, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])
HOST = b" HTTP/1.1\\r\\nHost: shop.example\\r\\n"
BEGIN = {"head": b"GET /", "body": b"POST /echo" + HOST + b"Content-Length: 100000\\r\\n\\r\\n",
         "read": b"GET /cache/slow?size=900000" + HOST + b"\\r\\n"}
living = {}
def connect(kind):
    sock = socket.socket()
    if kind == "read":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(10)
    sock.connect((address, port))
    sock.sendall(BEGIN[kind])
    sock.setblocking(False)
    living[sock] = kind
def step(sock, kind):  # False: the other side has ended it
    try:
        if kind == "read":
            return sock.recv(1) != b""
        sock.send(b"a")
        return sock.recv(4096) is None  # whatever comes is our being told off
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
for kind in BEGIN:
    for _ in range(each):
        connect(kind)
began, gone = time.monotonic(), {kind: [] for kind in BEGIN}
while living and time.monotonic() - began < seconds:
    for sock, kind in list(living.items()):
        if not step(sock, kind):
            gone[kind].append(round(time.monotonic() - began, 1))
            del living[sock]
            sock.close()
    time.sleep(every)
print(json.dumps({"left": len(living), "gone": {kind: [len(times), max(times, default=0)] for kind, times in gone.items()}}))
"""


@pytest.fixture(scope="module")
def web():
    web = Web(origin=True, shards=(0,))
    b1 = web.site.backends[0]
    web.document["caches"][0].update(memory="64MB", object_max="1MB")
    web.document["services"].append(http_service(
        "slow", [f"{SHOP[4]}:{SLOW}/tcp"], routes=[{"name": "slow", "match": {"path": "/"}, "pool": "pages", "cache": "edge"}],
        request_timeout=f"{REQUEST_TIMEOUT}s", body_timeout=f"{BODY_TIMEOUT}s", rate_min=f"{RATE}B", rate_window=f"{WINDOW}s",
        idle_timeout="4s"))
    with web as running:
        yield running


def slow_clients(web):
    return web.metrics().total("cardea_l7_service_slow_clients_total", service="slow")


def test_slow_attackers_are_gone_within_the_limits_and_a_plain_client_is_served_throughout(web):
    url = f"http://shop.example:{SLOW}/cache/plain?size=1000"
    assert web.get(url)[0] == 200
    attack = Process(web.site.run, "attack", web.site.client.command(
        "python3", "-c", ATTACK, SHOP[4], SLOW, EACH, ONE_BYTE_EVERY, GONE_AFTER + 20)).start()
    served = 0
    while attack.alive():
        assert web.get(url)[0] == 200
        served += 1
    assert attack.wait(5) == 0, attack.tail()
    result = json.loads(attack.log.read_text())
    assert result["left"] == 0, result
    assert all(count == EACH for count, _ in result["gone"].values()), result
    assert served > 10
    assert slow_clients(web) >= 2 * EACH
    until(lambda: web.metrics().total("cardea_l7_service_connections", service="slow") <= 1, 10, "nobody is left")
