// Which route serves a request: that of the more specific host (exact, then the longer wildcard, then any), of those an
// exact path, then a regular expression, the first in the file, then the longest prefix, of those the one with more
// conditions, and then the first in the file. A route whose conditions do not hold leaves the request to the next; a
// host whose routes do not fit leaves it to the next less specific one. A prefix "/api" matches /api and /api/x,
// "/api/" only what is below it, neither matches /apix; "/" matches everything. Pure and immutable; a search costs two
// hash lookups and the lengths of host and path, whatever the number of routes, with the conditions of those that share
// host and path and the regular expressions of the hosts that fit, and allocates nothing.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "l7/http/fault.h"
#include "l7/route/conditions.h"
#include "l7/route/host_name.h"
#include "l7/route/path.h"
#include "l7/route/prefix_tree.h"

namespace cardea::l7::route {

enum class PathRule : uint8_t { kExact, kPattern, kPrefix };  // in the order in which they are asked
std::string_view name(PathRule rule);                         // "exact", "regex", "prefix"

struct RouteRow {
  std::string_view name;
  std::vector<std::string_view> hosts;  // patterns; empty: any host
  std::string_view path;
  PathRule rule = PathRule::kPrefix;
  Conditions conditions = {};
};

// What matched, and what was compared: an answer to explain, and to the proxy. Views the table.
struct Match {
  uint32_t route = 0;  // index in the rows
  HostRule host_rule = HostRule::kAny;
  std::string_view host_pattern;  // "shop.com", ".shop.com" of a wildcard, "" of any
  PathRule path_rule = PathRule::kPrefix;
  std::string_view path;    // of the route
  uint32_t conditions = 0;  // how many held beside host and path
  bool operator==(const Match&) const = default;

  // What of a request's path a replaced prefix stands for.
  std::string_view prefix() const { return path_rule == PathRule::kPattern ? std::string_view() : path; }
};

enum class NoRoute : uint8_t {
  kHost,
  kPath,
  kAmbiguous
};  // no rule for the host; none for the path, or under these conditions; two readings, two routes

class Table {
 public:
  // Refuses malformed hosts, paths and regular expressions, naming the route.
  static Result<Table> build(std::span<const RouteRow> rows);

  // `host` without port, in any case; `path` from read_path.
  std::expected<Match, NoRoute> match(std::string_view host, const PathReading& path, const Asked& asked = {}) const;
  // One reading alone.
  std::expected<Match, NoRoute> match(const HostName& host, std::string_view path, const Asked& asked = {}) const;

  bool asks_for_clients() const;  // some route is for certain addresses
  size_t bytes() const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  // Everything for one host pattern.
  struct Group {
    HostRule rule = HostRule::kAny;
    std::string name;
    uint32_t root = kNone;           // of its prefixes
    uint32_t less_specific = kNone;  // the group to ask when nothing matches
    uint32_t first_pattern = 0, patterns = 0;
    bool has_exact = false;
  };
  // A route under one host and path. A chain: those that share them, then, of prefixes, those of the next shorter one.
  struct Entry {
    uint32_t route = 0;
    uint32_t conditions = kNone;
    uint32_t next = kNone;
    PathRule rule = PathRule::kPrefix;
    std::string path;
  };
  struct Expression {
    Pattern pattern;
    uint32_t entry;
  };
  struct Slot {
    uint32_t hash = 0;
    uint32_t at = kNone;  // a group, or the entry of an exact path
    uint32_t group = kNone;
  };
  struct Draft;

  using Routes = std::vector<uint32_t>;  // of one host and path
  uint32_t add_chain(std::span<const RouteRow> rows, PathRule rule, const std::string& path, const Routes& routes);
  void add_prefixes(std::span<const RouteRow> rows, Group& group, const std::map<std::string, Routes>& prefixes);
  void index_hosts();
  void index_exact(const std::vector<std::pair<uint32_t, uint32_t>>& exact);  // group, entry
  void link_groups();
  uint32_t find_group(std::string_view name) const;
  uint32_t find_wildcard(std::string_view host) const;  // the longest below the whole of `host`
  uint32_t first_group(std::string_view host) const;
  uint32_t find_exact(uint32_t group, std::string_view path) const;
  uint32_t holding(uint32_t entry, const Asked& asked) const;  // the first of a chain whose conditions hold
  uint32_t search(uint32_t group, std::string_view path, const Asked& asked) const;

  std::vector<Group> groups_;
  std::vector<Entry> entries_;
  std::vector<Conditions> conditions_;
  std::vector<Expression> expressions_;  // neighbours are one group's, in the order of the file
  std::vector<Slot> slots_, exact_;      // open addressing, at most half full
  PrefixForest paths_;
  uint32_t any_ = kNone;
  size_t wildcard_size_max_ = 0;
};

}  // namespace cardea::l7::route
