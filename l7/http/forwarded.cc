#include "l7/http/forwarded.h"

#include "l7/http/byte_set.h"

namespace cardea::l7::http {
namespace {

// A node is an IPv4 address, or an IPv6 address in brackets, which are no token's (RFC 7239 6).
void put_node(HeadWriter& out, std::string_view address) {
  if (address.contains(':')) {
    out.put("for=\"[", address, "]\"");
  } else {
    out.put("for=", address);
  }
}

// What could end the quotes is no host's.
bool can_be_told(std::string_view host) {
  return !host.empty() && host.find_first_of("\"\\") == host.npos;
}

void put_client(HeadWriter& out, const ForwardedHop& hop) {
  put_node(out, hop.client);
  if (kTokenBytes.holds_all(hop.host) && !hop.host.empty()) {
    out.put(";host=", hop.host);
  } else if (can_be_told(hop.host)) {
    out.put(";host=\"", hop.host, "\"");
  }
  out.put(";proto=", hop.scheme);
}

}  // namespace

void write_forwarded(HeadWriter& out, const ForwardedHop& hop) {
  out.put("Forwarded: ");
  put_client(out, hop);
  if (!hop.peer.empty() && hop.peer != hop.client) {
    out.put(", ");
    put_node(out, hop.peer);
  }
  out.put("\r\n");
}

}  // namespace cardea::l7::http
