"""A database in MaxMind's format (mmdb 2.0) of a few networks: what geoipupdate would bring, small enough to write here."""
import ipaddress

RECORD_BYTES = 4


def field(kind, size):
    return bytes([kind << 5 | size]) if kind <= 7 else bytes([size, kind - 7])


def text(value):
    return field(2, len(value)) + value.encode()


def number(kind, value, size):
    return field(kind, size) + value.to_bytes(size, "big")


def packed(value):
    if isinstance(value, dict):
        return field(7, len(value)) + b"".join(text(key) + packed(each) for key, each in value.items())
    return text(value) if isinstance(value, str) else number(6, value, 4)


def country(code):
    return {"country": {"iso_code": code}}


def as_number(value):
    return {"autonomous_system_number": value}


class Tree:
    def __init__(self):
        self.nodes = [[None, None]]

    def put(self, network, place):
        """Of both families: IPv4 lies below ::/96."""
        bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
        bits = "0" * (128 - network.max_prefixlen) + bits
        node = self.nodes[0]
        for bit in bits[:-1]:
            if node[int(bit)] is None:
                self.nodes.append([None, None])
                node[int(bit)] = len(self.nodes) - 1
            node = self.nodes[node[int(bit)]]
        node[int(bits[-1])] = ("data", place)

    def record(self, to):
        count = len(self.nodes)
        value = count if to is None else count + 16 + to[1] if isinstance(to, tuple) else to
        return value.to_bytes(RECORD_BYTES, "big")


def database(networks):
    """The file's bytes. `networks`: {"192.0.2.0/24": country("DE")}."""
    tree, data = Tree(), b""
    for network, value in networks.items():
        tree.put(ipaddress.ip_network(network), len(data))
        data += packed(value)
    nodes = b"".join(tree.record(left) + tree.record(right) for left, right in tree.nodes)
    metadata = {"binary_format_major_version": number(5, 2, 2), "binary_format_minor_version": number(5, 0, 2),
                "build_epoch": number(9, 1_790_000_000, 8), "database_type": text("Test"), "description": field(7, 0),
                "ip_version": number(5, 6, 2), "languages": field(11, 0), "node_count": number(6, len(tree.nodes), 4),
                "record_size": number(5, 8 * RECORD_BYTES, 2)}
    head = b"\xab\xcd\xefMaxMind.com" + field(7, len(metadata))
    return nodes + bytes(16) + data + head + b"".join(text(key) + value for key, value in metadata.items())
