// The number that both sides of l7/plan.fbs must agree on: raised whenever an old reader would misunderstand a new image.
#pragma once

#include <cstdint>

namespace cardea::l7 {
inline constexpr uint32_t kPlanSchema = 3;
inline constexpr const char* kPlanIdentifier = "CL7P";
inline constexpr const char* kPoolUpdateIdentifier = "CL7U";
inline constexpr uint64_t kPlanBytesMax = uint64_t{1} << 30;
}  // namespace cardea::l7
