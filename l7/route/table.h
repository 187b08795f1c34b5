// Which route serves a request: first by host (exact, then the longest wildcard, then any), within that by the longest
// path prefix at a '/' boundary; a host whose routes do not match the path leaves it to the next less specific rule. Of
// routes with the same host and prefix the first in the list wins. "/api" matches /api and /api/x, "/api/" only what is
// below it, neither matches /apix; "/" matches everything. Pure and immutable; a search costs two hash lookups and the
// lengths of host and path, whatever the number of routes, and allocates nothing.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "l7/http/fault.h"
#include "l7/route/host_name.h"
#include "l7/route/path.h"
#include "l7/route/prefix_tree.h"

namespace cardea::l7::route {

struct RouteRow {
  std::string_view name;
  std::vector<std::string_view> hosts;  // patterns; empty: any host
  std::string_view path;
};

// What matched, and what was compared: an answer to explain, and to the proxy. Views the table.
struct Match {
  uint32_t route = 0;  // index in the rows
  HostRule host_rule = HostRule::kAny;
  std::string_view host_pattern;  // "shop.com", ".shop.com" of a wildcard, "" of any
  std::string_view prefix;
  bool operator==(const Match&) const = default;
};

enum class NoRoute : uint8_t {
  kHost,
  kPath,
  kAmbiguous
};  // no rule for the host; none for the path; two readings, two routes

class Table {
 public:
  // Refuses malformed hosts and paths, naming the route.
  static Result<Table> build(std::span<const RouteRow> rows);

  // `host` without port, in any case; `path` from read_path.
  std::expected<Match, NoRoute> match(std::string_view host, const PathReading& path) const;
  // One reading alone.
  std::expected<Match, NoRoute> match(const HostName& host, std::string_view path) const;

  size_t bytes() const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  // Everything for one host pattern.
  struct Group {
    HostRule rule = HostRule::kAny;
    std::string name;
    uint32_t root = 0;
    uint32_t less_specific = kNone;  // the group to ask when no prefix matches
  };
  struct Entry {  // what a prefix's value points at
    uint32_t route = 0;
    std::string path;
  };
  struct Slot {
    uint32_t hash = 0;
    uint32_t group = kNone;
  };
  struct Draft;

  void index_hosts();
  void link_groups();
  uint32_t find_group(std::string_view name) const;
  uint32_t find_wildcard(std::string_view host) const;  // the longest below the whole of `host`
  uint32_t first_group(std::string_view host) const;

  std::vector<Group> groups_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;  // open addressing, at most half full
  PrefixForest paths_;
  uint32_t any_ = kNone;
  size_t wildcard_size_max_ = 0;
};

}  // namespace cardea::l7::route
