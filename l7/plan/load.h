// From an image to a LivePlan: the bytes are verified, what they mean is checked, then routes are indexed, certificates
// read, caches and rows of counters found or made. A refused image changes nothing that runs; an Error says what is
// wrong and where, in the operator's names.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/error.h"
#include "l7/files/media_types.h"
#include "l7/plan/certificate_store.h"
#include "l7/plan/live_plan.h"
#include "l7/plan/row_book.h"
#include "l7/policy/policies.h"

namespace cardea::l7 {

// What outlives single plans and is shared by them. Control thread only.
struct PlanResources {
  RowBook rows;
  CertificateStore certificates;
  // As the plan that is loaded needs them: read once for it.
  std::shared_ptr<const files::MediaTypes> media_types{};
  std::shared_ptr<const policy::Geo> geo{};
  policy::PolicyBook policies{};
};

// What a process needs to know before it can load the rest: how many shards to count for, where to log.
Result<PlanSettings> read_settings(Bytes image);

// `running`: the plan in force, whose caches go on; null at the start.
Result<std::shared_ptr<const LivePlan>> load_plan(Bytes image, PlanResources& resources, const LivePlan* running);

// A copy of `running` in which the pools that the update names are replaced. An Error: a pool that the plan has not.
Result<std::shared_ptr<const LivePlan>> load_pool_update(Bytes image, PlanResources& resources,
                                                         const LivePlan& running);

// The same plan with the certificates of services whose files have changed since; null: none have. What cannot be read
// is told once, and stays as it was.
std::shared_ptr<const LivePlan> with_renewed_certificates(const LivePlan& running, PlanResources& resources);

// Only a restart can change these: an Error names the setting.
Result<> check_reloadable(const PlanSettings& running, const PlanSettings& next);

}  // namespace cardea::l7
