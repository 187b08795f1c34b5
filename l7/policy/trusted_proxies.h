// Whom a request comes from and how, where a proxy in front says so that is believed. Pure: a peer and a head in, facts
// out.
//
// The list of hops (X-Forwarded-For, RFC 7239's Forwarded, or another header that holds addresses) is walked from its
// right end, where the peer wrote: what a believed hop says of the one before it counts, and nothing left of the first
// that is not believed, or that is no address. So a client can write whatever it likes in front.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ip.h"
#include "base/policies_generated.h"
#include "l7/http/headers.h"

namespace cardea::l7::policy {

// What a believed peer tells. Views into the head.
struct ToldByProxy {
  std::optional<IpAddress> client;  // none: the peer itself
  std::string_view scheme;          // "http", "https"; empty: as the peer came
  std::string_view host, port;      // for X-Forwarded-Host and -Port; empty: not told
};

class TrustedProxies {
 public:
  TrustedProxies() = default;  // believes nobody
  static Result<TrustedProxies> read(const settings::TrustedProxiesT& from);

  bool empty() const { return networks_.empty(); }
  bool trusts(const IpAddress& peer) const;
  // In which they say whom a request comes from.
  std::string_view header() const { return header_; }
  // By another one than X-Forwarded-For, which may then be what their client wrote.
  bool tell_by_another_header() const;
  // What there is to be said of a request whose peer is believed.
  ToldByProxy told(const http::Headers& headers) const;

 private:
  std::vector<Prefix> networks_;
  std::string header_;
};

}  // namespace cardea::l7::policy
