// Giving out slots and service ids, with six rows each in the stats segment.
#include "dataplane/state/slots.h"

#include <fmt/format.h>

#include <iterator>

namespace cardea::dataplane {
namespace {

// Prometheus' text format escapes these three in label values.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

std::string labels_of(const std::string& service) {
  return fmt::format("service=\"{}\"", escaped(service));
}
std::string labels_of(const SlotIdentity& id) {
  return fmt::format("pool=\"{}\",backend=\"{}\"", escaped(id.pool), escaped(id.backend));
}

// A backend whose name now means another endpoint has two slots for a while and counts in the same rows.
template <typename Identity>
bool row_mates(const std::map<Identity, uint32_t>& index, const Identity& identity) {
  const auto next = index.lower_bound(identity);
  const auto same = [&](auto it) { return labels_of(it->first) == labels_of(identity); };
  return (next != index.end() && same(next)) || (next != index.begin() && same(std::prev(next)));
}

const char* prefix_of(const std::string&) {
  return "cardea_service";
}
const char* prefix_of(const SlotIdentity&) {
  return "cardea_backend";
}

}  // namespace

SlotRegistry::SlotRegistry(stats::Segment& segment, uint32_t services_max, uint32_t backends_max)
    : segment_(segment), nat_sources_(segment), services_max_(services_max), backends_max_(backends_max) {}

Result<> SlotRegistry::add_rows(const std::string& prefix, const std::string& labels, Rows& rows, TrafficCells& cells) {
  using stats::Kind;
  struct Line {
    Kind kind;
    const char *name, *unit, *direction, *help;
    uint32_t* cell;
  };
  const Line lines[] = {
      {Kind::kCounter, "packets_total", "packets", "in", "Packets forwarded, in towards backends, out towards clients",
       &cells.packets_in},
      {Kind::kCounter, "bytes_total", "bytes", "in", "Bytes of forwarded frames as they came", &cells.bytes_in},
      {Kind::kCounter, "packets_total", "packets", "out", "Packets forwarded, in towards backends, out towards clients",
       &cells.packets_out},
      {Kind::kCounter, "bytes_total", "bytes", "out", "Bytes of forwarded frames as they came", &cells.bytes_out},
      {Kind::kCounter, "flows_total", "flows", nullptr, "Flows begun", &cells.flows_total},
      {Kind::kGauge, "flows", "flows", nullptr, "Live flows", &cells.flows},
  };
  for (size_t i = 0; i < std::size(lines); ++i) {
    const Line& line = lines[i];
    const std::string all =
        line.direction == nullptr ? labels : fmt::format("{},direction=\"{}\"", labels, line.direction);
    const Result<uint32_t> row =
        segment_.add({line.kind, fmt::format("{}_{}", prefix, line.name), line.unit, all, line.help});
    if (!row) {
      for (size_t made = 0; made < i; ++made) segment_.remove(rows.row[made]);
      return std::unexpected(row.error());
    }
    rows.row[i] = *row;
    *line.cell = segment_.cell_index(*row);
  }
  return {};
}

template <typename Identity>
Result<uint32_t> SlotRegistry::number(Table<Identity>& table, std::map<Identity, uint32_t>& index,
                                      std::vector<uint32_t>& spare, const Identity& identity, uint32_t limit,
                                      const char* setting) {
  if (const auto it = index.find(identity); it != index.end()) return it->second;
  if (spare.empty() && table.size() >= limit)
    return fail(
        fmt::format("more than {} are in use, with those that only flows still use: raise dataplane.{} and restart "
                    "cardea-dataplane",
                    limit, setting));
  Record<Identity> record{.identity = identity, .used = true};
  if (auto added = add_rows(prefix_of(identity), labels_of(identity), record.rows, record.cells); !added)
    return std::unexpected(std::move(added.error()).in("count the traffic of " + labels_of(identity)));
  uint32_t at = uint32_t(table.size());
  if (spare.empty()) {
    table.push_back(std::move(record));
  } else {
    at = spare.back();
    spare.pop_back();
    table[at] = std::move(record);
  }
  index.emplace(identity, at);
  return at;
}

Result<SlotId> SlotRegistry::slot(const SlotIdentity& identity) {
  return number(slots_, slot_index_, spare_slots_, identity, backends_max_, "backends_max");
}

Result<ServiceId> SlotRegistry::service(const std::string& name) {
  const auto id = number(services_, service_index_, spare_services_, name, services_max_, "services_max");
  if (!id) return std::unexpected(id.error());
  return ServiceId(*id);
}

const SlotIdentity* SlotRegistry::identity(SlotId slot) const {
  return slot < slots_.size() && slots_[slot].used ? &slots_[slot].identity : nullptr;
}

const std::string* SlotRegistry::service_name(ServiceId service) const {
  return service < services_.size() && services_[service].used ? &services_[service].identity : nullptr;
}

uint64_t SlotRegistry::flows_of(const TrafficCells& cells) const {
  uint64_t sum = 0;
  for (uint32_t core = 0; core < segment_.cores(); ++core)
    sum += std::atomic_ref<uint64_t>(segment_.cells(core)[cells.flows]).load(std::memory_order_relaxed);
  return sum;
}

void SlotRegistry::forget_plan() {
  for (auto& record : slots_) record.in_plan = false;
  for (auto& record : services_) record.in_plan = false;
  nat_sources_.forget_plan();
}

template <typename Identity>
uint32_t SlotRegistry::free_unused_of(Table<Identity>& table, std::map<Identity, uint32_t>& index,
                                      std::vector<uint32_t>& spare) {
  uint32_t freed = 0;
  for (uint32_t at = 0; at < table.size(); ++at) {
    auto& record = table[at];
    if (!record.used || record.in_plan || flows_of(record.cells) != 0) continue;
    index.erase(record.identity);
    if (!row_mates(index, record.identity))
      for (const uint32_t row : record.rows.row) segment_.remove(row);
    record = {};
    spare.push_back(at);
    ++freed;
  }
  return freed;
}

uint32_t SlotRegistry::free_unused() {
  nat_sources_.free_unused();
  return free_unused_of(slots_, slot_index_, spare_slots_) + free_unused_of(services_, service_index_, spare_services_);
}

}  // namespace cardea::dataplane
