"""System tests: the product's real binaries between real peers, in network namespaces of their own (root is needed).

CARDEA_BIN_DIR names the build directory or install prefix to test. `pytest -k af_packet` runs one kind of device.
"""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

DEVICES = ["net_af_packet", "net_af_xdp"]
SHARED = "net_af_xdp shared"  # with the kernel, so there is no TAP


@pytest.fixture(scope="module", params=DEVICES, ids=[d.removeprefix("net_") for d in DEVICES])
def device(request):
    return request.param


@pytest.fixture(scope="module", params=[*DEVICES, SHARED], ids=["af_packet", "af_xdp", "shared"])
def any_device(request):
    return request.param


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what the product last wrote."""
    report = (yield).get_result()
    if report.failed:
        for value in item.funcargs.values():
            if hasattr(value, "cardea"):
                for daemon in value.cardea.daemons:
                    report.sections.append((f"end of {daemon.name}'s log", daemon.tail(30)))
