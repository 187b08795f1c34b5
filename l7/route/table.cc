#include "l7/route/table.h"

#include <algorithm>
#include <bit>
#include <map>

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

Result<std::string> prefix_of(const RouteRow& row) {
  const auto wrong = [&row](std::string_view why) {
    return fail("route " + std::string(row.name) + ": path \"" + std::string(row.path) + "\": " + std::string(why),
                Origin::kOperator);
  };
  if (!row.path.starts_with('/')) return wrong("begin it with /");
  std::string scratch(scratch_size(row.path), '\0');
  const auto reading = read_path(row.path, scratch);
  if (!reading) return wrong(http::explanation(reading.error()));
  if (reading->lenient != reading->match) return wrong("write it without //, %2F, %5C, \\ and ;");
  return std::string(reading->match);
}

}  // namespace

// Prefixes by host pattern while a table is built; the first row to have a prefix keeps it.
struct Table::Draft {
  std::map<std::pair<HostRule, std::string>, std::map<std::string, uint32_t>> groups;

  Result<> add(const RouteRow& row, uint32_t index) {
    const auto path = prefix_of(row);
    if (!path) return std::unexpected(path.error());
    if (row.hosts.empty()) groups[{HostRule::kAny, ""}].emplace(*path, index);
    for (const std::string_view host : row.hosts) {
      auto pattern = parse_host_pattern(host);
      if (!pattern) return std::unexpected(std::move(pattern.error()).in("route " + std::string(row.name)));
      groups[{pattern->rule, pattern->name}].emplace(*path, index);
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
  std::vector<Prefix> prefixes;
  for (auto& [key, routes] : draft.groups) {
    prefixes.clear();
    for (const auto& [path, route] : routes) {
      prefixes.push_back({path, uint32_t(table.entries_.size())});
      table.entries_.push_back({route, path});
    }
    table.groups_.push_back({key.first, key.second, table.paths_.add_tree(prefixes)});
  }
  table.index_hosts();
  table.link_groups();
  return table;
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
    while (slots_[slot].group != kNone) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = {hash, i};
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
    if (at.group == kNone || (at.hash == hash && groups_[at.group].name == name)) return at.group;
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

std::expected<Match, NoRoute> Table::match(const HostName& host, std::string_view path) const {
  const uint32_t first = first_group(host.text());
  if (first == kNone) return std::unexpected(NoRoute::kHost);
  for (uint32_t at = first; at != kNone; at = groups_[at].less_specific) {
    const Group& group = groups_[at];
    const uint32_t value = paths_.longest(group.root, path);
    if (value != PrefixForest::kNoValue)
      return Match{entries_[value].route, group.rule, group.name, entries_[value].path};
  }
  return std::unexpected(NoRoute::kPath);
}

std::expected<Match, NoRoute> Table::match(std::string_view host, const PathReading& path) const {
  const HostName name(host);
  const auto found = match(name, path.match);
  if (path.lenient == path.match) return found;
  const auto lenient = match(name, path.lenient);
  const bool same = found.has_value() == lenient.has_value() && (!found || found->route == lenient->route);
  if (!same) return std::unexpected(NoRoute::kAmbiguous);
  return found;
}

size_t Table::bytes() const {
  return groups_.size() * sizeof(Group) + entries_.size() * sizeof(Entry) + slots_.size() * sizeof(Slot) +
         paths_.bytes();
}

}  // namespace cardea::l7::route
