// The header of the PROXY protocol: what the first bytes of a connection say of the client it is carried for, in a line
// of text (version 1) or in binary with further facts (version 2). Written towards backends, read from load balancers in
// front of us. Rules and numbers are those of HAProxy's doc/proxy-protocol.txt. Pure: bytes in, values out.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/ip.h"

namespace cardea {

enum class ProxyVersion : uint8_t { kNone = 0, kV1 = 1, kV2 = 2 };

struct ProxyHeader {
  bool local = false;  // of the sender itself, or of whom it does not know: the connection's own addresses stand
  Endpoint source, destination;
  // Of version 2 alone; empty: not said.
  std::string_view server_name;              // PP2_TYPE_AUTHORITY
  std::string_view alpn;                     // PP2_TYPE_ALPN: what is spoken on this connection
  std::string_view tls_version, tls_cipher;  // PP2_TYPE_SSL: of the client's connection, written and never read
};

// What a header that is written takes at most.
inline constexpr size_t kProxyHeaderMax = 1024;

// `room` has kProxyHeaderMax bytes. Version 2 ends with a checksum. Names that are too long for it are left out.
std::string_view write_proxy_header(std::span<char> room, ProxyVersion version, const ProxyHeader& header);

// Why bytes are no header.
enum class ProxyFault : uint8_t {
  kNone,
  kNoHeader,    // they begin otherwise
  kLine,        // version 1: not the line that it has to be
  kLineLength,  // version 1: no end within 107 bytes
  kVersion,     // version 2: another one
  kCommand,     // version 2: neither LOCAL nor PROXY
  kFamily,      // version 2: unknown addresses or transport
  kLength,      // version 2: shorter than its addresses
  kFact,        // version 2: a further fact reaches beyond the end, or is too long
  kChecksum,    // version 2: another one than it says
};
std::string_view word(ProxyFault fault);  // "no_proxy_header", …

struct ProxyReading {
  enum class State : uint8_t { kMore, kDone, kBad };
  State state = State::kMore;
  ProxyFault fault = ProxyFault::kNone;
  size_t size = 0;  // kDone: of the header. kMore: it has at least as many bytes
};

// Of the first bytes of a connection. What is read views them. Whatever comes behind is not looked at.
ProxyReading read_proxy_header(std::string_view bytes, ProxyHeader& header);

}  // namespace cardea
