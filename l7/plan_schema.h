// What both sides of l7/plan.fbs must agree on. The number, kPlanSchema, is made of that file's text by the build
// (tools/cmake/plan_schema_number.cmake): a plan of another number is refused by name, never guessed at
// (base/plan_head.h).
#pragma once

#include <cstdint>

#include "base/plan_head.h"
#include "l7/plan_schema_number.h"

namespace cardea::l7 {
inline constexpr const char* kPlanIdentifier = "CL7P";
inline constexpr const char* kPoolUpdateIdentifier = "CL7U";
inline constexpr uint64_t kPlanBytesMax = uint64_t{1} << 30;

inline constexpr cardea::control::PlanReader kPlanReader{"cardea-l7", kPlanVersion, kPlanSchema};

// Of the head of a plan, or of an update of pools.
inline Result<> check_plan_schema(Bytes image, const char* identifier) {
  return cardea::control::check_plan_head(image, identifier, kPlanReader);
}
}  // namespace cardea::l7
