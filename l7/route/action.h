// What a route does with its requests: a backend answers, the client is sent elsewhere, the answer stands in the plan or
// is a file. Values; where a client is sent is computed in location.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/flow_hash.h"
#include "base/ip.h"
#include "base/path_template.h"

namespace cardea::l7::files {
class MediaTypes;
}

namespace cardea::l7::route {

struct Share {
  uint32_t pool = 0;  // index in LivePlan::pools
  uint32_t weight = 1;
  std::string origin;  // what tells the cache whose answer is whose: the pool and how the request is rewritten
};

struct Proxy {
  std::vector<Share> shares;  // one, or several by their weights
  bool by_client = false;     // which share: the same for an address, or anew for each request
  int32_t cache = -1;         // index in LivePlan::caches
  std::string host;           // in place of the request's, brackets around an IPv6 address; empty: as it came
  std::string prefix;         // in place of what the route's path matched; empty: as it came
  PathTemplate made;          // in place of path and query; empty: as they came

  uint64_t weights() const;
  // Of a number that is spread evenly over 64 bits.
  const Share& share(uint64_t number) const;
};

// Numbers for Proxy::share(): of an IPv4 address or of an IPv6 /64, the same on every node; of an exchange, by its id.
uint64_t client_number(HashKey key, const IpAddress& client);
uint64_t request_number(HashKey key, uint64_t id);

// What is empty or 0 stays as the client had it.
struct Redirect {
  uint16_t status = 301;
  std::string scheme;  // "http", "https"
  std::string host;    // brackets around an IPv6 address
  uint16_t port = 0;   // where the scheme is another, its own
  PathTemplate made;   // in place of path and query
  std::string prefix;  // in place of what the route's path matched
  bool keeps_query = true;

  bool keeps_host() const { return host.empty(); }
};

struct Respond {
  uint16_t status = 200;
  std::string content_type;  // empty: none
  std::string body;
};

// A file below `root` answers: the path's, or what stands in its place.
struct Files {
  std::string root;    // absolute
  std::string prefix;  // in place of what the route's path matched; empty: the path as it is
  std::string index;   // the file of a folder; empty: it has none
  std::string fallback;       // relative to the root: sent where the path has no file; empty: 404
  std::string cache_control;  // empty: not sent
  bool precompressed = false;  // app.js.br, .zst or .gz in place of app.js, for clients that take them
  std::shared_ptr<const files::MediaTypes> types;
};

using Action = std::variant<Proxy, Redirect, Respond, Files>;

}  // namespace cardea::l7::route
