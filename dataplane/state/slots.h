// Numbers that outlive plans: a slot for each backend (pool, name, endpoint) and an id for each service name, with
// their rows in the stats segment. Flows hold these numbers, so plans may come in any order and no live flow changes
// its backend. A number is given away again only when no plan and no flow uses it. Control thread only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "base/ip.h"
#include "base/stats.h"
#include "dataplane/state/listen_table.h"
#include "dataplane/state/nat_sources.h"

namespace cardea::dataplane {

using SlotId = uint32_t;
inline constexpr SlotId kNoSlot = 0xffffffff;

// Offsets in a core's cells (base/stats.h): cells(core)[packets_in] and so on. "in" is from clients to backends.
struct TrafficCells {
  uint32_t packets_in = 0, bytes_in = 0, packets_out = 0, bytes_out = 0;
  uint32_t flows_total = 0;  // flows made
  uint32_t flows = 0;        // flows alive: a gauge
};

struct SlotIdentity {
  std::string pool, backend;  // the operator's names
  Endpoint endpoint;
  auto operator<=>(const SlotIdentity&) const = default;
};

class SlotRegistry {
 public:
  // The segment outlives the registry and needs 6 rows for each service and slot.
  SlotRegistry(stats::Segment& segment, uint32_t services_max, uint32_t backends_max);

  // The number of this backend or service; a new one when it has none. An Error when all are in use.
  Result<SlotId> slot(const SlotIdentity& identity);
  Result<ServiceId> service(const std::string& name);

  // nullptr when the number is not in use.
  const SlotIdentity* identity(SlotId slot) const;
  NatSources& nat_sources() { return nat_sources_; }
  const NatSources& nat_sources() const { return nat_sources_; }
  const std::string* service_name(ServiceId service) const;
  const TrafficCells& slot_cells(SlotId slot) const { return slots_[slot].cells; }
  const TrafficCells& service_cells(ServiceId service) const { return services_[service].cells; }
  uint32_t slots_end() const { return uint32_t(slots_.size()); }  // every slot in use is below
  uint32_t services_end() const { return uint32_t(services_.size()); }

  // Marks what a plan uses, then frees what neither that plan nor any flow uses. To be called once every worker runs
  // the plan for which keep_* were called (and at leisure after that: flows end later than plans).
  void forget_plan();
  void keep_nat_source(const IpAddress& address) { nat_sources_.keep(address); }
  void keep_slot(SlotId slot) { slots_[slot].in_plan = true; }
  void keep_service(ServiceId service) { services_[service].in_plan = true; }
  uint32_t free_unused();  // how many were freed

 private:
  struct Rows {
    uint32_t row[6]{};
  };
  template <typename Identity>
  struct Record {
    Identity identity;
    TrafficCells cells;
    Rows rows;
    bool used = false, in_plan = false;
  };
  template <typename Identity>
  using Table = std::vector<Record<Identity>>;
  template <typename Identity>
  Result<uint32_t> number(Table<Identity>& table, std::map<Identity, uint32_t>& index, std::vector<uint32_t>& spare,
                          const Identity& identity, uint32_t limit, const char* setting);
  template <typename Identity>
  uint32_t free_unused_of(Table<Identity>& table, std::map<Identity, uint32_t>& index, std::vector<uint32_t>& spare);
  Result<> add_rows(const std::string& prefix, const std::string& labels, Rows& rows, TrafficCells& cells);
  uint64_t flows_of(const TrafficCells& cells) const;

  stats::Segment& segment_;
  NatSources nat_sources_;
  uint32_t services_max_, backends_max_;
  Table<SlotIdentity> slots_;
  Table<std::string> services_;
  std::map<SlotIdentity, uint32_t> slot_index_;
  std::map<std::string, uint32_t> service_index_;
  std::vector<uint32_t> spare_slots_, spare_services_;
};

}  // namespace cardea::dataplane
