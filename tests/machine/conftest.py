"""Tests on a whole machine: a guest with an IOMMU and network cards on PCI, the packages installed, systemd as process 1. Root is
needed, for the namespaces that its cables end in.

They use the lab of the system tests (tests/system/lab).
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
