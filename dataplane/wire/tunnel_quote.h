// ICMP errors that quote an outer header of ours: a router on a tunnel's way found its packet too big (RFC 2003 5,
// RFC 2473 8.1). What it quotes behind that header may be too little to tell a flow, but the header tells the tunnel.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "dataplane/wire/frame.h"

namespace cardea::dataplane::wire {

struct TunnelTooBig {
  IpAddress source, destination;  // of the outer header
  uint16_t mtu = 0;               // what would have fitted, never less than tunnels are made for: 552 and 1280 bytes
};

// `frame` and `tuple` are what read_frame made of the bytes: a fault of kNotTcpUdp. Nothing when it is no such error, its
// checksum is wrong, it was not sent to the quoted packet's source, or the quoted packet would have fitted (RFC 5927 7.2).
std::optional<TunnelTooBig> read_tunnel_too_big(Bytes bytes, const Frame& frame, const FlowTuple& tuple);

}  // namespace cardea::dataplane::wire
