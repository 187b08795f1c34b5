"""The dataplane's side of our own TCP: every kind of device, one worker and two; what stays the kernel's at the same
addresses; and a second instance of cardea-l7, which gets new connections while the first keeps its own."""
import array
import hashlib
import re
import socket
import struct
import time

import pytest
from lab import stats
from lab.site import LB_HOST, WAN
from lab.wait import until
from lab.web import SHOP, Web

MAGIC = 0x4C376401  # of base/l7_door_socket.cc


@pytest.fixture(scope="module", params=[(1,), (0, 1)], ids=["one_worker", "two_workers"])
def web(request, any_device):
    def userspace(document):
        document["l7"]["transport"] = "userspace"
        document["dataplane"]["workers"] = list(request.param)
    with Web(kernel=False, device=any_device, change=userspace) as running:
        until(lambda: shards(running) == [2, 0], 10, "the door is attached")
        yield running


def counters(web):
    return stats.read(web.site.run.sockets / "dataplane.stats")


def shards(web):
    """Of each instance that has a door."""
    return [counters(web)["cardea_l7_door_shards", f'instance="{i}"'] for i in (0, 1)]


def through_the_door(web, direction):
    return counters(web)["cardea_l7_door_packets_total", f'direction="{direction}"']


@pytest.mark.parametrize("family", [4, 6])
def test_https_over_either_family(web, family):
    before = through_the_door(web, "up"), through_the_door(web, "down")
    address = f"[{SHOP[6]}]" if family == 6 else SHOP[4]
    for n in range(20):
        status, _, body = web.get(f"https://shop.example/api/{n}", "--resolve", f"shop.example:443:{address}")
        assert status == 200 and re.match(r"b[12] api /api/", body)
    after = through_the_door(web, "up"), through_the_door(web, "down")
    assert after[0] - before[0] > 100 and after[1] - before[1] > 100


def test_large_answers_come_whole(web):
    file = web.site.run.path / "got"
    for _ in range(3):
        web.curl("https://shop.example/big", "-o", file, timeout=60)
        assert hashlib.sha256(file.read_bytes()).hexdigest() == web.nginx["b1"].big_sha256


@pytest.mark.parametrize("address", [SHOP[4], SHOP[6], WAN.address(LB_HOST, 4), WAN.address(LB_HOST, 6)])
def test_ping_is_the_kernels_to_answer(web, address):
    done = web.site.client.run("ping", "-c", "3", "-i", "0.1", "-W", "2", address, check=False)
    assert " 0% packet loss" in done.stdout and "DUP" not in done.stdout, done.stdout


def test_a_port_that_nobody_serves_is_refused(web):
    done = web.site.client.run("curl", "-sS", "--max-time", "3", f"http://{SHOP[4]}:81/", check=False)
    assert done.returncode == 7, done.stderr


def test_status_says_who_has_a_door(web):
    assert web.cardea.cli("status")["l7_instances"] == [{"instance": 0, "shards": 2, "newest": True}]
    assert "2 shards of cardea-l7, instance 0\n" in web.cardea.run("status").stdout


def test_explain_names_the_shard(web):
    told = web.cardea.explain("192.0.2.99:5555", f"{SHOP[4]}:443")
    assert told["verdict"] == "shard" and told["shard"] in (0, 1)
    assert f"to shard {told['shard']} of cardea-l7 (instance 0)" in told["story"][-1]
    said = web.cardea.run("explain", "192.0.2.99:5555", f"{SHOP[4]}:443").stdout.splitlines()[-1]
    assert said.startswith(f"So it is handed to cardea-l7: shard {told['shard']} takes it for service "), said


# ---- a second instance

class Instance:
    """One more cardea-l7, as far as the dataplane can see: it has a door, and answers nobody."""

    def __init__(self, site, shards=1):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(5)
        self.socket.connect(str(site.run.sockets / "door.sock"))
        self.socket.send(struct.pack("<II", MAGIC, shards))
        size = struct.calcsize("i")
        reply, ancillary, _, _ = self.socket.recvmsg(1024, socket.CMSG_SPACE(size * 200))
        _, self.number, _, _ = struct.unpack_from("<IIII", reply)
        self.words = reply[16:].split(b"\0")[0].decode()
        self.descriptors = array.array("i")
        for _, _, data in ancillary:
            self.descriptors.frombytes(data[:len(data) - len(data) % size])

    def close(self):
        self.socket.close()
        for descriptor in self.descriptors:
            socket.close(descriptor)


def test_what_a_first_instance_has_goes_on_beside_a_second_one(web):
    holding = web.load("pinned", "hold", SHOP[4], 443, "--connections", 6, "--path", "/api/x", "--pause", 0.05, *web.tls())
    time.sleep(0.5)
    second = Instance(web.site)
    try:
        assert second.number == 1 and len(second.descriptors) >= 3
        until(lambda: shards(web) == [2, 1], 5, "both have a door")
        assert "2 shards of cardea-l7, instance 0, which keeps the connections it has\n" in web.cardea.run("status").stdout
        third = Instance(web.site)
        assert "2 instances have one already" in third.words and not third.descriptors
        third.close()
        done = web.curl("https://shop.example/api/x", "--connect-timeout", "1", check=False)
        assert done.returncode == 28, f"who is new is the second one's, and that answers nobody: {done}"
        time.sleep(0.5)
    finally:
        second.close()
    until(lambda: shards(web) == [2, 0], 5, "the second has left")
    assert web.get("https://shop.example/api/x")[0] == 200
    held = holding.stop()
    assert held["failed"] == 0 and all(client["requests"] > 10 for client in held["clients"]), held


def test_without_an_instance_packets_are_dropped_for_their_reason(web):
    web.cardea.kill_l7()
    try:
        until(lambda: shards(web) == [0, 0], 5, "it has left its door")
        done = web.curl("https://shop.example/api/x", "--connect-timeout", "1", check=False)
        assert done.returncode == 28, "not refused: somebody may come back before the next SYN"
        assert counters(web)["cardea_drops_total", 'reason="no_shard"'] > 0
    finally:
        web.cardea.l7.start()
    web.cardea.until_ready()
    until(lambda: shards(web) == [2, 0], 10, "it has its door again")
    assert web.get("https://shop.example/api/x")[0] == 200
