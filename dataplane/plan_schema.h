// The number that both sides of dataplane/plan.fbs must agree on: raised whenever an old reader would misunderstand a
// new image. A plan of another number is refused by name, never guessed at.
#pragma once

#include <cstdint>

namespace cardea::dataplane {
inline constexpr uint32_t kPlanSchema = 2;
inline constexpr const char* kPlanIdentifier = "CDPL";
inline constexpr const char* kPoolUpdateIdentifier = "CDPU";
inline constexpr uint64_t kPlanBytesMax = uint64_t{1} << 30;
}  // namespace cardea::dataplane
