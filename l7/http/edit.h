// A parsed head as it goes on: hop-by-hop headers and look-alikes left out, framing written anew, forwarding headers
// added. Every other header keeps its place, name and value. Requests leave in origin form as HTTP/1.1, with exactly
// one Host: the one they were routed by.
//
// X-Forwarded-For gets the peer's address behind what it had, as one line, or behind the client's; X-Forwarded-Proto, -Host and -Port say
// what this hop saw and replace what a client may have claimed; X-Real-IP is the client's address; Via gets a line of
// its own. The exchange's id goes under a name of the operator's choice, and nothing else under one that reads like it.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/error.h"
#include "l7/http/connection.h"
#include "l7/http/framing.h"
#include "l7/http/head.h"
#include "l7/http/header_changes.h"
#include "l7/http/id_header.h"

namespace cardea::l7::http {

// Digests of a body's bytes, and that parts of them can be had: what was said of others than those that go out.
bool tells_of_bytes(std::string_view name);

// Whether a header is sent on as the client wrote it: not where this proxy writes its own, nor where it ends at this
// hop.
bool is_sent_on(const Header& header, const ConnectionOptions& options);

struct RequestEdit {
  BodyFraming body;                      // as it is sent on: what request_body decided
  ConnectionOptions options;             // the client's
  std::string_view path;                 // from routing, where dot segments were removed; empty: the head's
  std::optional<std::string_view> query{};  // in place of the client's; empty: none
  std::string_view client;               // "192.0.2.7", "2001:db8::7"
  std::string_view peer{};               // who is connected, for X-Forwarded-For; empty: the client
  bool replaces_forwarded_for = false;   // what it had is not believed
  bool forwarded = false;                // tell of all this by RFC 7239's header too
  std::string_view strangers_header{};   // nor is this, nor what else tells of forwarding; empty: all of it goes on
  std::string_view forwarded_host{};     // in place of what this hop saw; empty: that
  std::string_view scheme;               // "https" or "http": how the client came
  std::string_view port;                 // the service's, for X-Forwarded-Port; empty: not sent
  std::string_view host;                 // in place of the client's, which X-Forwarded-Host still tells; empty: that
  std::string_view default_host;         // for HTTP/1.0 without Host
  std::optional<uint64_t> max_forwards;  // what is left of it, in place of the client's
  std::string_view via = "cardea";
  bool websocket = false;  // forward the wish for one (wants_websocket)
  bool trailers = false;   // say that they are wanted (TE: trailers), which is this hop's to say
  bool expect = false;     // forward Expect: 100-continue and relay the answer
  bool close = false;      // tell the backend that this is the connection's last request
  // Ask for all of it, or whether a stored response is still good, in place of what the client has. Empty: not sent.
  bool revalidate = false;
  std::string_view if_none_match, if_modified_since;
  HeaderChanges changes{};
  IdHeader id_header{};
  std::string_view traceparent{};  // of a trace that begins here, in place of the client's; empty: as the client has it
};
Result<std::string_view> write_request(std::span<char> into, const RequestHead& head, const RequestEdit& edit);

struct ResponseEdit {
  BodyFraming body;           // as it is sent to the client (framing_towards)
  ConnectionOptions options;  // the backend's
  Method method = Method::kGet;
  Version client_version = Version::kHttp11;
  bool close = false;      // this connection ends with the response
  bool websocket = false;  // a 101 that was asked for
  std::string_view via = "cardea";  // empty: nobody's but ours, and no Via
  std::string_view date;           // sent when the response has none (date.h)
  std::optional<uint32_t> age;     // from the cache: replaces Age
  std::string_view content_range;  // of a piece that the cache serves, or of the whole for a 416; empty: not sent
  std::string_view set_cookie;     // one more of ours; empty: not sent
  std::string_view cache_status;   // RFC 9211, behind what the backend's caches said; empty: not sent
  // Content-Encoding that the body gets here; empty: none. What is said of the other bytes is left out.
  std::string_view coding;
  bool weak_tag = false;  // its strong ETag is sent as a weak one
  bool varies = false;    // by what the client accepts: one more Vary
  HeaderChanges changes{};
  IdHeader id_header{};
};
Result<std::string_view> write_response(std::span<char> into, const ResponseHead& head, const ResponseEdit& edit);

}  // namespace cardea::l7::http
