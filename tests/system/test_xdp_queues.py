"""af_xdp on a card whose receive queues do not transmit: DPDK's driver takes one of them, so more are refused with the way
out, the process goes on, and with one queue two workers carry bulk whole. On ordinary memory, where a page is small."""
import concurrent.futures

from lab.alone import TUNNEL, WEB, Alone, image
from lab.namespace import run
from lab.wait import until

TRANSFERS = 6


def test_two_queues_are_refused_and_one_carries_bulk_for_two_workers():
    with Alone("net_af_packet", [0, 1], queues=2, eal="--no-huge") as alone:
        alone.dataplane.stop()
        alone.store_plan(image(alone.site, "net_af_xdp", [0, 1], generation=2))
        alone.dataplane.start()
        until(lambda: "`ethtool -L nic-wan rx 1`" in alone.dataplane.tail(60), 10, "the refusal names the way out")
        until(lambda: "waiting for a plan" in alone.dataplane.tail(5), 10, "without the stored plan it starts over")
        assert alone.dataplane.alive()
        alone.dataplane.stop()
        for nic, far_end, far_name in (("nic-wan", alone.site.client, "wan"), ("nic-lan", alone.site.lan, "lb")):
            alone.site.lb.run("ethtool", "-L", nic, "rx", "1")
            far_end.run("ethtool", "-L", far_name, "tx", "1")  # of a veth's ends, neither may send what none receives
        alone.dataplane.start()
        alone.until_serving()
        with concurrent.futures.ThreadPoolExecutor(TRANSFERS) as pool:
            assert set(pool.map(lambda number: bulk(alone, number), range(TRANSFERS))) == {alone.nginx[0].big_sha256}


def bulk(alone, number):
    path = alone.site.run.path / f"got{number}"
    address = (WEB, TUNNEL)[number % 2][4]
    alone.site.client.run("curl", "-sS", "--max-time", "30", "-o", path, f"http://{address}/big", timeout=40)
    return run(["sha256sum", path]).stdout.split()[0]
