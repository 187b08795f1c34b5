"""The way back on a host with cards: to the version before under traffic, then removal and purge, behind which nothing is left and the
host is reached by its cards as before."""
import re

import pytest
from lab import debs
from lab.card_services import CardServices
from lab.site import LB_HOST, WAN
from lab.wait import until


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with CardServices() as there:
        there.before = everything(there)
        there.install(debs.newer(there.debs, tmp_path_factory.mktemp("newer")))
        there.give_cards()
        there.serve()
        yield there


def everything(host):
    """What a package or a daemon may have left, without the books of dpkg and systemd and who had a number."""
    found = host.guest.run("sh", "-c", "find /etc /usr /var /opt /srv /home /root -xdev | sort", timeout=120).stdout.splitlines()
    return {path for path in found if not re.match(r"/root/|/etc/(passwd|group|shadow|gshadow|ld.so.cache)|"
                                                   r"/var/(lib/(dpkg|systemd|apt)|log/(journal|dpkg|apt)|cache)", path)}


def version(host):
    return host.guest.run("dpkg-query", "-W", "-f=${Version} ", *debs.INSTALLED).stdout.split()


def test_a_downgrade_interrupts_nothing_and_is_taken_up_under_traffic(host):
    dataplane, l7 = host.main_pid("cardea-dataplane"), host.main_pid("cardea-l7")
    with host.traffic():
        told = host.install(debs.installed(host.debs), "--allow-downgrades").stdout
        assert version(host) == [debs.VERSION, debs.VERSION] and "systemctl reload cardea-l7" in told
        host.guest.run("systemctl", "restart", "cardea-mgmt", timeout=180)
        host.guest.run("systemctl", "reload", "cardea-l7", timeout=180)
        host.until_serving()
        assert host.main_pid("cardea-dataplane") == dataplane and host.main_pid("cardea-l7") != l7
    host.guest.run("systemctl", "restart", *host.units, timeout=180)
    host.until_serving()
    assert until(lambda: host.balanced(check=False) in host.names(), 90, "it forwards again")


def apt(host, verb):
    host.guest.run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", verb, "-y", *debs.INSTALLED, timeout=300)


def test_a_removal_keeps_what_the_operator_wrote_and_the_cards(host):
    apt(host, "remove")
    assert {host.main_pid(unit) for unit in host.units} == {"0"}
    for kept in ("/etc/cardea/cardea.cfg", "/etc/cardea/tls/shop.example.key", "/etc/sysctl.d/60-cardea.conf"):
        assert host.guest.exists(kept), kept


def test_a_purge_leaves_the_host_as_it_was(host):
    """Its cards are Linux's again, so it can be reached by them; keys, which are the operator's own, stay."""
    apt(host, "purge")
    left = everything(host) - host.before
    assert left <= {f"/etc/cardea{path}" for path in ("", "/tls", "/tls/shop.example.cert", "/tls/shop.example.key")}, sorted(left)
    assert host.guest.run("cat", "/proc/sys/vm/nr_hugepages").stdout.strip() == "0"
    card = until(lambda: host.guest.run("sh", "-c", f"ls /sys/bus/pci/devices/{host.addresses['wan']}/net", check=False).stdout.strip(), 30,
                 "the card is an interface again", pause=0.5)
    host.guest.run("sh", "-c", f"ip addr add {WAN.with_length(LB_HOST, 4)} dev {card}; ip link set {card} up")
    until(lambda: host.site.client.run("ping", "-c1", "-W1", WAN.address(LB_HOST, 4), check=False).returncode == 0, 60, "it answers over it")
