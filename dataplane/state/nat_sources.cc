// A row for each address, and nothing else to remember.
#include "dataplane/state/nat_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

namespace cardea::dataplane {

Result<> NatSources::add(const IpAddress& address) {
  const auto same = [&](const Record& record) { return record.source.address == address; };
  if (std::ranges::any_of(records_, same)) return {};
  if (records_.size() >= kMax)
    return fail(fmt::format("more than {} NAT addresses are in use, with those that only flows still use", kMax));
  const auto row = segment_.add({stats::Kind::kGauge, "cardea_nat_flows", "flows",
                                 fmt::format("address=\"{}\"", address.text()), "Live fullnat flows, by NAT address"});
  if (!row) return std::unexpected(row.error());
  records_.push_back({{address, segment_.cell_index(*row)}, *row});
  return {};
}

std::vector<NatSource> NatSources::known() const {
  std::vector<NatSource> sources;
  for (const Record& record : records_) sources.push_back(record.source);
  return sources;
}

uint64_t NatSources::flows_of(const NatSource& source) const {
  uint64_t sum = 0;
  for (uint32_t core = 0; core < segment_.cores(); ++core)
    sum += std::atomic_ref<uint64_t>(segment_.cells(core)[source.flows]).load(std::memory_order_relaxed);
  return sum;
}

void NatSources::forget_plan() {
  for (Record& record : records_) record.in_plan = false;
}

void NatSources::keep(const IpAddress& address) {
  for (Record& record : records_) record.in_plan |= record.source.address == address;
}

void NatSources::free_unused() {
  std::erase_if(records_, [&](const Record& record) {
    if (record.in_plan || flows_of(record.source) != 0) return false;
    segment_.remove(record.row);
    return true;
  });
}

}  // namespace cardea::dataplane
