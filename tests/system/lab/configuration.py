"""Configuration documents of the product, written from Python values.

A dict is a group, a list of dicts a list of groups, any other list an array; strings, numbers and booleans are themselves.
`for_site` gives the two ports and the limits every test needs; a test adds pools and services and changes what it wants.
"""
import json

from lab.site import LAN, LB_HOST, WAN, endpoint

# Patient enough for a busy two-core machine; QUICK_HEALTH is for tests that time a backend's death.
HEALTH = {"type": "http", "path": "/health", "expect": [200], "interval": "500ms", "timeout": "450ms", "rise": 2, "fall": 3}
QUICK_HEALTH = {"type": "http", "path": "/health", "expect": [200], "interval": "200ms", "timeout": "150ms", "rise": 2, "fall": 2}


def text(document):
    return "\n".join(f"{key} = {value_text(value)};" for key, value in document.items()) + "\n"


def value_text(value, indent=""):
    inner = indent + "  "
    if isinstance(value, dict):
        return "{\n" + "".join(f"{inner}{k} = {value_text(v, inner)};\n" for k, v in value.items()) + indent + "}"
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
        return "(\n" + ",\n".join(inner + value_text(v, inner) for v in value) + "\n" + indent + ")"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(value_text(v) for v in value) + "]"
    return json.dumps(value)


def port(name, network, device):
    """`device`: a driver of DPDK's, with " shared" behind it for one whose interface stays the kernel's too, as af_xdp's does
    where nothing else is said."""
    driver, *shared = device.split()
    return {"name": name, "device": f"{driver},iface=nic-{name}",
            **({"kernel": "tap"} if driver == "net_af_xdp" and not shared else {}),
            "addresses": [network.with_length(LB_HOST, 4), network.with_length(LB_HOST, 6)]}


def for_site(device="net_af_packet", workers=(1,), flows=100_000, metrics="127.0.0.1:9477"):
    return {"cluster": {"name": "lab", "seed": "the lab's own seed"},
            "dataplane": {"workers": list(workers), "flows": flows,
                          "ports": [port("wan", WAN, device), port("lan", LAN, device)]},
            "pools": [], "services": [], "mgmt": {"metrics": metrics}}


def pool(name, backends, service_port, weights=None, family=4, health=None):
    """`backends`: places of the site; `weights` as many numbers."""
    weights = weights or [1] * len(backends)
    return {"name": name, "balance": "maglev",
            "backends": [{"address": endpoint(b.address(family), service_port), "weight": w}
                         for b, w in zip(backends, weights, strict=True)],
            "health": health or HEALTH}


def service(name, listen, pool_name, forward="fullnat"):
    """`listen`: endpoints with their protocol, such as "203.0.113.10:80/tcp"."""
    return {"name": name, "mode": "l4", "listen": listen, "forward": forward, "pool": pool_name}
