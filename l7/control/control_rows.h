// The rows of the stats segment that the control thread writes: the plan, the certificates.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/stats_rows.h"
#include "l7/plan/live_plan.h"
#include "l7/plan/row_book.h"

namespace cardea::l7 {

struct ControlRows {
  uint32_t plan_generation = 0, plans_adopted = 0, plans_refused = 0;
  uint32_t ocsp_fetches = 0, ocsp_failures = 0;

  static ControlRows add(stats::RowAdder& add);
};

// cardea_l7_certificate_not_after_seconds{service,certificate}, as long as the plan has them, and
// cardea_l7_certificate_stapled_until_seconds of those that are, or have to be, stapled.
struct CertificateRows {
  std::vector<std::pair<uint32_t, int64_t>> not_after;  // cell and value
  std::vector<std::pair<uint32_t, std::shared_ptr<tls::StapleSlot>>> stapled;
  std::shared_ptr<const RowSet> row_set;

  static CertificateRows add(RowBook& book, const LivePlan& plan);
};

}  // namespace cardea::l7
