"""The image on a disk of its own, with firmware in front of it: what its first start makes of a seed, or asks; an upgrade into the other
root; a root that does not serve, and one that does not even start, and the way back from both.

One machine lives through it in the order of the tests.
"""
import subprocess

import pytest
from lab import apt_shelf, debs
from lab.disk_machine import DiskMachine, built_image

PASSWORD = "correct horse"
CARD = "0000:02:00.0"  # what is plugged into the second slot
SITE = f"""
cluster: {{ seed = "0b5a9c4c5d8e4f7a90d1c2b3a4958677"; }};
dataplane: {{ workers = [1]; flows = 20000; ports = ( {{ name = "wan"; device = "{CARD}"; addresses = ["198.51.100.1/24"]; }} ); }};
l7: {{ shards = [0]; }};
pools = ();
services = ( {{ name = "plain"; mode = "http"; listen = ["10.0.2.15:80/tcp"]; redirect: {{ scheme = "https"; }}; }} );
"""


@pytest.fixture(scope="module")
def seed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seed")
    crypted = subprocess.run(["openssl", "passwd", "-6", PASSWORD], capture_output=True, text=True, check=True).stdout.strip()
    (folder / "seed.conf").write_text(f"hostname = edge1\naddress = 10.0.2.15/24\ngateway = 10.0.2.2\ndns = 10.0.2.3\npassword = {crypted}\n"
                                      f"nic = {CARD}\nhugepages = 320\nupdates = security\n")
    (folder / "cardea.cfg").write_text(SITE)
    return folder


@pytest.fixture(scope="module")
def host(seed, tmp_path_factory):
    with DiskMachine(tmp_path_factory.mktemp("image"), seed) as machine:
        yield machine


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Where the machine can fetch the packages of a newer version, which say so when their ramdisk starts, and what Debian has newer."""
    folder = tmp_path_factory.mktemp("shelf")
    told = ("cardea-image", "usr/share/initramfs-tools/scripts/local-bottom/cardea-image", "echo newer > /run/kept-apart-by\n")
    debs.newer(debs.built(), folder, debs.ON_AN_IMAGE, [told])
    apt_shelf.put(folder, "media-types", "99.0")
    with apt_shelf.served(folder) as url:
        yield url


def reboot(host):
    host.send("systemctl reboot\n")
    host.restarted()


def test_it_is_no_larger_than_promised():
    assert built_image().stat().st_size <= 600e6


def test_it_comes_up_as_the_seed_says(host):
    host.greets("a")
    host.expect(rf"port +wan up, {CARD}")
    host.log_in(PASSWORD)
    assert host.run("hostname").strip() == "edge1"
    assert host.answer() == "301 https://127.0.0.1/x"
    assert subprocess.run(["ssh-keyscan", "-T", "60", "-p", str(host.ports["ssh"]), "127.0.0.1"], capture_output=True, check=False).stdout
    assert host.run("systemctl is-enabled cardea-security.timer").strip() == "enabled"
    assert host.run("systemctl --failed --no-legend").strip() == ""


def test_the_card_is_as_cardea_wants_it(host):
    assert "vfio-pci" in host.run("cardea doctor --port wan"), "which ends with 1 while something keeps the port from opening"
    assert f"up, {CARD}" in host.run("cardea status")


def test_the_root_is_apart_from_what_is_kept(host):
    assert "Read-only file system" in host.run("touch /usr/new", check=False)
    for place in ("/etc/cardea", "/var/lib/cardea"):
        assert "cardea-data" in host.run(f"findmnt --noheadings --output PARTLABEL --target {place}"), place
    left = host.run("mount -o ro /dev/disk/by-partlabel/cardea-boot /mnt; ls /mnt; umount /mnt")
    assert "seed.conf" not in left and "cardea.cfg" not in left and "seed.example" in left, "what held secrets is gone"


def test_an_upgrade_is_another_root_which_stays_when_it_serves(host, shelf):
    """With the image's own parts, which the next start goes by already."""
    for name in debs.ON_AN_IMAGE:
        host.run(f"curl -sSf --remote-name --output-dir /root {shelf}/{name}_0.0.2.deb")
    assert "root b is tried at the next start" in host.run("cardea-image upgrade /root/*.deb", timeout=1500)
    assert debs.NEWER not in host.run("dpkg-query -W -f='${Version}' cardea"), "what runs is not touched"
    reboot(host)
    host.expect("root b serves and is the good one from now on", 400)
    host.log_in(PASSWORD)
    for name in debs.ON_AN_IMAGE:
        assert debs.NEWER in host.run("dpkg-query -W -f='${Version}' " + name)
    assert host.run("cat /run/kept-apart-by").strip() == "newer"
    assert host.run("hostname").strip() == "edge1" and host.answer() == "301 https://127.0.0.1/x"


def test_packages_that_would_have_another_go_are_not_taken(host):
    """cardea-dataplane needs a cardea of its own version."""
    host.run("cd /root && dpkg-deb -R cardea_0.0.2.deb new && sed -i 's/^Version:.*/Version: 1:0.0.3/' new/DEBIAN/control && "
             "dpkg-deb -b new /root/cardea_0.0.3.deb; rm -r new; cd /", timeout=300)
    assert "cardea-dataplane" in host.run("cardea-image upgrade /root/cardea_0.0.3.deb", check=False, timeout=900)
    assert "is to be tried" not in host.run("cardea-image status")


def test_what_debian_has_newer_comes_by_itself(host, shelf):
    """From where the site says. The host is started anew for it, and not a second time."""
    host.run(f"rm -f /etc/apt/sources.list.d/*; echo 'deb [trusted=yes] {shelf}/debian ./' > /etc/apt/sources.list")
    host.send("systemctl start --no-block cardea-security.service\n")
    host.restarted(1500)
    host.expect("root a serves and is the good one from now on", 400)
    host.log_in(PASSWORD)
    assert host.run("cat /usr/share/media-types/newer").strip() == "99.0"
    assert host.run("cardea-image unattended; cardea-image status").count("root a runs; a is the good one") == 1
    own = host.run("mount -o ro /dev/disk/by-partlabel/cardea-root-a /mnt; cat /mnt/etc/apt/sources.list; umount /mnt")
    assert "debian.org" in own and "trusted" not in own, "the root itself is Debian's"
    assert host.answer() == "301 https://127.0.0.1/x"


def break_root(host, root, command):
    host.run(f"mount /dev/disk/by-partlabel/cardea-root-{root} /mnt && cd /mnt && {command}; cd /; umount /mnt")


def test_a_root_that_does_not_start_is_given_up(host):
    break_root(host, "b", "rm boot/vmlinuz*")
    host.run("cp /usr/sbin/cardea-image /tmp/it.py; cd /tmp; python3 -c 'import it; it.remember(trial=\"b\", tries=3, patience=100)'; cd /")
    host.send("systemctl reboot\n")
    for _ in range(3):
        host.restarted()
        host.expect("root b has no kernel that can be started")
    host.restarted()
    host.greets("a")
    host.expect("root b did not come up when it was tried")
    host.log_in(PASSWORD)
    assert "did not come up" in host.run("cardea-image unattended", check=False), "nothing more by itself before somebody has looked"


def test_a_root_that_does_not_serve_is_given_up(host):
    host.run("cardea-image upgrade --tries 1 --patience 120", timeout=900)
    break_root(host, "b", "rm usr/sbin/cardea-l7")
    reboot(host)
    host.expect("root b is given up: cardea-l7 is", 400)
    host.restarted()
    host.greets("a")
    host.expect("root b did not come up when it was tried")
    host.log_in(PASSWORD)
    assert host.answer() == "301 https://127.0.0.1/x"


def test_without_a_seed_it_asks_and_starts_from_uefi_as_well(tmp_path):
    with DiskMachine(tmp_path, uefi=True) as host:
        host.expect("Cardea: making room")
        for question, answer in (("The host's name", "edge2"), ("The host's own interface", ""), ("Its address", "10.0.2.300/24"),
                                 ("does not appear|Its address", "10.0.2.15/24"), ("The gateway", "10.0.2.2"), ("A name server", ""),
                                 ("A card for Cardea's own use", CARD), ("A card for Cardea's own use", ""), ("public key", ""),
                                 ("root's password", PASSWORD), ("Updates by itself", "")):
            host.expect(question, 400)
            host.send(answer + "\n")
        host.log_in(PASSWORD)
        assert host.run("hostname").strip() == "edge2"
        assert "10.0.2.15" in host.run("ip -brief address")
        assert host.run(f"readlink /sys/bus/pci/devices/{CARD}/driver").strip().endswith("vfio-pci")
