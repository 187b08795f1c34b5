#include "l7/route/table.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"
#include "base/check.h"

namespace cardea::l7::route {
namespace {

// Multiplies and folds eight bytes at a time. The table's names are the operator's, so nobody can aim at one slot.
uint32_t hash_of(std::string_view name) {
  uint64_t hash = 0x9e3779b97f4a7c15ull ^ name.size();
  const auto mix = [&hash](uint64_t word) {
    const auto product = static_cast<unsigned __int128>(hash ^ word) * 0xd6e8feb86659fd93ull;
    hash = uint64_t(product) ^ uint64_t(product >> 64);
  };
  while (name.size() >= 8) {
    mix(load_native<uint64_t>(name.data()));
    name.remove_prefix(8);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, name.data(), name.size());
  mix(rest);
  return uint32_t(hash >> 32 ^ hash);
}

// As requests' paths are compared.
Result<std::string> path_of(const RouteRow& row) {
  const auto wrong = [&row](std::string_view why) {
    return fail("route " + std::string(row.name) + ": path \"" + std::string(row.path) + "\": " + std::string(why),
                Origin::kOperator);
  };
  if (row.rule == PathRule::kPattern) return std::string(row.path);
  if (!row.path.starts_with('/')) return wrong("begin it with /");
  std::string scratch(scratch_size(row.path), '\0');
  const auto reading = read_path(row.path, scratch);
  if (!reading) return wrong(http::explanation(reading.error()));
  if (reading->lenient != reading->match) return wrong("write it without //, %2F, %5C, \\ and ;");
  return std::string(reading->match);
}

// More conditions before fewer, then as in the file; behind one without any nobody is asked.
void put_in_order(std::vector<uint32_t>& routes, std::span<const RouteRow> rows) {
  const auto count = [rows](uint32_t route) { return rows[route].conditions.count(); };
  std::ranges::sort(routes, {}, [&count](uint32_t route) { return std::pair(-int64_t(count(route)), route); });
  const auto last = std::ranges::find(routes, size_t{0}, count);
  if (last != routes.end()) routes.erase(last + 1, routes.end());
}

// A chain of prefixes, by its path, first and last entry.
struct Above {
  std::string_view path;
  uint32_t first;
};

// The path of "//host/path" to a backend that reads a target as a reference (RFC 3986 4.2), as new URL(target, base)
// does; of the lenient reading, where one slash is left.
std::string_view behind_host(std::string_view path) {
  const size_t slash = path.find('/', 1);
  return slash == path.npos ? "/" : path.substr(slash);
}

// Whether a shorter prefix matches whatever a longer one does.
bool is_above(std::string_view prefix, std::string_view path) {
  return path.starts_with(prefix) && (prefix.ends_with('/') || path[prefix.size()] == '/');
}

}  // namespace

std::string_view name(PathRule rule) {
  switch (rule) {
    case PathRule::kExact:
      return "exact";
    case PathRule::kPattern:
      return "regex";
    case PathRule::kPrefix:
      return "prefix";
  }
  return "prefix";
}

// What rows say, by host pattern, while a table is built.
struct Table::Draft {
  struct Paths {
    std::map<std::string, Routes> exact, prefixes;
    std::vector<std::pair<std::string, Routes>> patterns;  // in the order of the file

    Routes& of(PathRule rule, const std::string& path) {
      if (rule != PathRule::kPattern) return (rule == PathRule::kExact ? exact : prefixes)[path];
      const auto known = std::ranges::find(patterns, path, &std::pair<std::string, Routes>::first);
      return known != patterns.end() ? known->second : patterns.emplace_back(path, Routes()).second;
    }
  };
  std::map<std::pair<HostRule, std::string>, Paths> groups;
  std::map<std::string, Pattern> patterns;  // compiled once, for all hosts

  Result<> add(const RouteRow& row, uint32_t index) {
    const auto path = path_of(row);
    if (!path) return std::unexpected(path.error());
    if (row.rule == PathRule::kPattern && !patterns.contains(*path)) {
      auto compiled = Pattern::compile(*path);
      if (!compiled) return std::unexpected(std::move(compiled.error()).in("route " + std::string(row.name)));
      patterns.emplace(*path, std::move(*compiled));
    }
    if (row.hosts.empty()) groups[{HostRule::kAny, ""}].of(row.rule, *path).push_back(index);
    for (const std::string_view host : row.hosts) {
      auto pattern = parse_host_pattern(host);
      if (!pattern) return std::unexpected(std::move(pattern.error()).in("route " + std::string(row.name)));
      groups[{pattern->rule, pattern->name}].of(row.rule, *path).push_back(index);
    }
    return {};
  }
};

Result<Table> Table::build(std::span<const RouteRow> rows) {
  Draft draft;
  for (uint32_t i = 0; i < rows.size(); ++i) {
    if (auto added = draft.add(rows[i], i); !added) return std::unexpected(std::move(added.error()));
  }
  Table table;
  std::vector<std::pair<uint32_t, uint32_t>> exact;
  for (auto& [key, paths] : draft.groups) {
    Group& group = table.groups_.emplace_back(Group{.rule = key.first, .name = key.second});
    group.has_exact = !paths.exact.empty();
    for (const auto& [path, routes] : paths.exact)
      exact.emplace_back(table.groups_.size() - 1, table.add_chain(rows, PathRule::kExact, path, routes));
    group.first_pattern = uint32_t(table.expressions_.size());
    group.patterns = uint32_t(paths.patterns.size());
    for (const auto& [path, routes] : paths.patterns) {
      const uint32_t entry = table.add_chain(rows, PathRule::kPattern, path, routes);
      table.expressions_.push_back({draft.patterns.at(path), entry});
    }
    table.add_prefixes(rows, group, paths.prefixes);
  }
  table.index_hosts();
  table.index_exact(exact);
  table.link_groups();
  return table;
}

// Returns its first entry; the last one's `next` is left open.
uint32_t Table::add_chain(std::span<const RouteRow> rows, PathRule rule, const std::string& path,
                          const Routes& routes) {
  const auto first = uint32_t(entries_.size());
  Routes ordered = routes;
  put_in_order(ordered, rows);
  for (const uint32_t route : ordered) {
    Entry& entry = entries_.emplace_back(Entry{.route = route, .rule = rule, .path = path});
    entry.next = uint32_t(entries_.size());
    if (rows[route].conditions.count() == 0) continue;
    entry.conditions = uint32_t(conditions_.size());
    conditions_.push_back(rows[route].conditions);
  }
  entries_.back().next = kNone;
  return first;
}

// Sorted, a prefix comes behind all that it begins with: the last of these that ends at a boundary is the next shorter.
void Table::add_prefixes(std::span<const RouteRow> rows, Group& group, const std::map<std::string, Routes>& prefixes) {
  std::vector<PathPrefix> sorted;
  std::vector<Above> above;
  for (const auto& [path, routes] : prefixes) {
    const uint32_t first = add_chain(rows, PathRule::kPrefix, path, routes);
    while (!above.empty() && !path.starts_with(above.back().path)) above.pop_back();
    const auto next = std::ranges::find_if(above.rbegin(), above.rend(),
                                           [&path](const Above& one) { return is_above(one.path, path); });
    if (next != above.rend()) entries_.back().next = next->first;
    above.push_back({path, first});
    sorted.push_back({path, first});
  }
  if (!sorted.empty()) group.root = paths_.add_tree(sorted);
}

void Table::index_hosts() {
  slots_.assign(std::bit_ceil(2 * groups_.size() + 2), {});
  for (uint32_t i = 0; i < groups_.size(); ++i) {
    const Group& group = groups_[i];
    if (group.rule == HostRule::kAny) {
      any_ = i;
      continue;
    }
    if (group.rule == HostRule::kWildcard) wildcard_size_max_ = std::max(wildcard_size_max_, group.name.size());
    const uint32_t hash = hash_of(group.name);
    size_t slot = hash & (slots_.size() - 1);
    while (slots_[slot].at != kNone) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = {hash, i};
  }
}

void Table::index_exact(const std::vector<std::pair<uint32_t, uint32_t>>& exact) {
  exact_.assign(std::bit_ceil(2 * exact.size() + 2), {});
  for (const auto& [group, entry] : exact) {
    const uint32_t hash = hash_of(entries_[entry].path) + group;
    size_t slot = hash & (exact_.size() - 1);
    while (exact_[slot].at != kNone) slot = (slot + 1) & (exact_.size() - 1);
    exact_[slot] = {hash, entry, group};
  }
}

void Table::link_groups() {
  for (Group& group : groups_) {
    if (group.rule == HostRule::kAny) continue;
    // Behind the dot of ".example.com", so that a wildcard is not its own less specific rule.
    const std::string_view host = group.name;
    group.less_specific = find_wildcard(host.substr(group.rule == HostRule::kWildcard));
    if (group.less_specific == kNone) group.less_specific = any_;
  }
}

uint32_t Table::find_group(std::string_view name) const {
  const uint32_t hash = hash_of(name);
  for (size_t slot = hash & (slots_.size() - 1);; slot = (slot + 1) & (slots_.size() - 1)) {
    const Slot& at = slots_[slot];
    if (at.at == kNone || (at.hash == hash && groups_[at.at].name == name)) return at.at;
  }
}

uint32_t Table::find_exact(uint32_t group, std::string_view path) const {
  const uint32_t hash = hash_of(path) + group;
  for (size_t slot = hash & (exact_.size() - 1);; slot = (slot + 1) & (exact_.size() - 1)) {
    const Slot& at = exact_[slot];
    if (at.at == kNone || (at.hash == hash && at.group == group && entries_[at.at].path == path)) return at.at;
  }
}

uint32_t Table::find_wildcard(std::string_view host) const {
  if (wildcard_size_max_ == 0) return kNone;
  const size_t from = host.size() > wildcard_size_max_ ? host.size() - wildcard_size_max_ : 1;
  for (size_t dot = host.find('.', from); dot != host.npos; dot = host.find('.', dot + 1)) {
    if (const uint32_t group = find_group(host.substr(dot)); group != kNone) return group;
  }
  return kNone;
}

uint32_t Table::first_group(std::string_view host) const {
  if (host.empty() || host.front() == '.') return any_;  // only wildcards' names begin with a dot
  if (const uint32_t group = find_group(host); group != kNone) return group;
  const uint32_t wildcard = find_wildcard(host);
  return wildcard != kNone ? wildcard : any_;
}

uint32_t Table::holding(uint32_t entry, const Asked& asked) const {
  while (entry != kNone && entries_[entry].conditions != kNone && !conditions_[entries_[entry].conditions].hold(asked))
    entry = entries_[entry].next;
  return entry;
}

uint32_t Table::search(uint32_t at, std::string_view path, const Asked& asked) const {
  const Group& group = groups_[at];
  if (group.has_exact) {
    if (const uint32_t entry = holding(find_exact(at, path), asked); entry != kNone) return entry;
  }
  for (uint32_t i = group.first_pattern; i < group.first_pattern + group.patterns; ++i) {
    if (!expressions_[i].pattern.matches(path)) continue;
    if (const uint32_t entry = holding(expressions_[i].entry, asked); entry != kNone) return entry;
  }
  return group.root == kNone ? kNone : holding(paths_.longest(group.root, path), asked);
}

std::expected<Match, NoRoute> Table::match(const HostName& host, std::string_view path, const Asked& asked) const {
  const uint32_t first = first_group(host.text());
  if (first == kNone) return std::unexpected(NoRoute::kHost);
  for (uint32_t at = first; at != kNone; at = groups_[at].less_specific) {
    const uint32_t found = search(at, path, asked);
    if (found == kNone) continue;
    const Entry& entry = entries_[found];
    const auto conditions = entry.conditions == kNone ? 0 : uint32_t(conditions_[entry.conditions].count());
    return Match{entry.route, groups_[at].rule, groups_[at].name, entry.rule, entry.path, conditions};
  }
  return std::unexpected(NoRoute::kPath);
}

std::expected<Match, NoRoute> Table::match(std::string_view host, const PathReading& path, const Asked& asked) const {
  const HostName name(host);
  const auto found = match(name, path.match, asked);
  if (path.lenient == path.match) return found;
  const auto leads_elsewhere = [&](std::string_view reading) {
    const auto other = match(name, reading, asked);
    return found.has_value() != other.has_value() || (found && found->route != other->route);
  };
  const bool reference = path.match.starts_with("//");
  if (leads_elsewhere(path.lenient) || (reference && leads_elsewhere(behind_host(path.lenient))))
    return std::unexpected(NoRoute::kAmbiguous);
  return found;
}

bool Table::asks_for_clients() const {
  return std::ranges::any_of(conditions_, [](const Conditions& one) { return !one.clients.empty(); });
}

size_t Table::bytes() const {
  return groups_.size() * sizeof(Group) + entries_.size() * sizeof(Entry) +
         (slots_.size() + exact_.size()) * sizeof(Slot) + conditions_.size() * sizeof(Conditions) + paths_.bytes();
}

}  // namespace cardea::l7::route
