"""A statistics segment read as base/stats.h lays it out, for tests of a process that runs without mgmt."""
import struct

HEADER = struct.Struct("<QIIIIQQQQII")
ROW = struct.Struct("<IB?2xI96s16s224s160s")


def read(path):
    """{(name, labels): sum over the cores} of every counter and gauge."""
    data = path.read_bytes()
    _, _, cores, _, _, _, rows_at, cells_at, stride, rows, _ = HEADER.unpack_from(data)
    values = {}
    for number in range(rows):
        generation, kind, live, cell, name, _, labels, _ = ROW.unpack_from(data, rows_at + number * ROW.size)
        if not live or generation == 0 or kind == 3:
            continue
        key = name.rstrip(b"\0").decode(), labels.rstrip(b"\0").decode()
        values[key] = sum(struct.unpack_from("<Q", data, cells_at + core * stride + cell * 8)[0] for core in range(cores))
    return values


def dataplane_total(site, name):
    """A counter of the dataplane over all cores and labels."""
    values = read(site.run.sockets / "dataplane.stats")
    return sum(value for (row, _), value in values.items() if row == name)
