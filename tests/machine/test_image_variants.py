"""The image in its other forms: for layer 7 alone, which has nothing of DPDK, and with firmware for cards."""
import subprocess

import pytest
from lab.disk_machine import DiskMachine, built_image

PASSWORD = "correct horse"
SITE = """
cluster: { seed = "0b5a9c4c5d8e4f7a90d1c2b3a4958677"; };
l7: { shards = [0]; };
pools = ();
services = ( { name = "plain"; mode = "http"; listen = ["10.0.2.15:80/tcp"]; redirect: { scheme = "https"; }; } );
"""


@pytest.fixture
def seed(tmp_path):
    folder = tmp_path / "seed"
    folder.mkdir()
    crypted = subprocess.run(["openssl", "passwd", "-6", PASSWORD], capture_output=True, text=True, check=True).stdout.strip()
    (folder / "seed.conf").write_text(f"hostname = web1\naddress = dhcp\npassword = {crypted}\n")
    (folder / "cardea.cfg").write_text(SITE)
    return folder


def test_layer_7_alone_has_no_dpdk_and_serves(tmp_path, seed):
    with DiskMachine(tmp_path, seed, variant="--layer-7-alone") as host:
        host.greets("a")
        host.log_in(PASSWORD)
        assert host.answer() == "301 https://127.0.0.1/x"
        assert host.run("dpkg-query -W -f='${Package}\\n' | grep -cE 'librte|cardea-dataplane'", check=False).strip() == "0"
        assert host.run("systemctl --failed --no-legend").strip() == ""
    assert built_image("--layer-7-alone").stat().st_size < 600e6


def test_firmware_that_cards_need_is_in_the_image_that_is_asked_for_it(tmp_path):
    """It is of Debian's component non-free-firmware, and no larger than any image. What no network card needs is left out."""
    image = built_image("--firmware")
    assert image.stat().st_size <= 600e6
    table = subprocess.run(["sfdisk", "--dump", image], capture_output=True, text=True, check=True).stdout
    row = next(row for row in table.splitlines() if "cardea-root-a" in row)
    start, size = (int(word.split(",")[0]) for word in row.replace("start=", "size=").split("size=")[1:3])
    with open(tmp_path / "root", "wb") as root:
        subprocess.run(["dd", f"if={image}", "bs=512", f"skip={start}", f"count={size}", "conv=sparse", "status=none"], stdout=root, check=True)
    told = [subprocess.run(["debugfs", "-R", f"ls -p /lib/firmware/{folder}", tmp_path / "root"], capture_output=True, text=True,
                           check=True).stdout for folder in ("intel/ice/ddp", "bnx2x", "i915")]
    assert "ice" in told[0] and "bnx2x" in told[1] and not told[2], told
