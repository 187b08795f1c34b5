#include "l7/control/control_rows.h"

#include "base/log.h"

namespace cardea::l7 {
namespace {

// A row's labels are bounded; of a long path the end tells more than the beginning.
std::string shortened(const std::string& path) {
  constexpr size_t kMax = 120;
  return path.size() <= kMax ? path : "..." + path.substr(path.size() - (kMax - 3));
}

}  // namespace

ControlRows ControlRows::add(stats::RowAdder& add) {
  using enum stats::Kind;
  ControlRows rows;
  add(rows.plan_generation, kGauge, "cardea_l7_plan_generation", "", "", "Generation of the plan that runs");
  add(rows.plans_adopted, kCounter, "cardea_l7_plans_adopted_total", "", "", "Plans and pool updates adopted");
  add(rows.plans_refused, kCounter, "cardea_l7_plans_refused_total", "", "", "Plans and pool updates refused");
  add(rows.ocsp_fetches, kCounter, "cardea_l7_ocsp_fetches_total", "", "", "Questions to OCSP responders");
  add(rows.ocsp_failures, kCounter, "cardea_l7_ocsp_failures_total", "", "",
      "Questions to OCSP responders without an answer that can be stapled");
  return rows;
}

CertificateRows CertificateRows::add(RowBook& book, const LivePlan& plan) {
  CertificateRows rows;
  stats::RowAdder add = book.adder();
  for (const auto& service : plan.services)
    for (const auto& certificate : service->certificates) {
      const std::string labels =
          stats::label("service", service->name) + ',' + stats::label("certificate", shortened(certificate->name));
      uint32_t cell = 0;
      add(cell, stats::Kind::kGauge, "cardea_l7_certificate_not_after_seconds", "s", labels,
          "When the certificate expires, in seconds since 1970");
      if (add.done) rows.not_after.emplace_back(cell, certificate->not_after.time_since_epoch().count());
      if (certificate->ocsp.empty() && !certificate->must_staple) continue;
      add(cell, stats::Kind::kGauge, "cardea_l7_certificate_stapled_until_seconds", "s", labels,
          "When the OCSP answer ends that is stapled to handshakes, in seconds since 1970; 0: there is none");
      if (add.done) rows.stapled.emplace_back(cell, certificate->staple);
    }
  if (!add.done) log::warning("not every certificate's end is on the metrics page: {}", add.done.error().message);
  rows.row_set = book.hold(std::move(add.rows));
  return rows;
}

}  // namespace cardea::l7
