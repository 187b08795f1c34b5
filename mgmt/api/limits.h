// Limits that the API enforces and the CLI tells before it asks.
#pragma once

#include <cstdint>

namespace cardea::mgmt::api {

inline constexpr uint32_t kFlowsMax = 2000;  // of one answer: a row is about 300 bytes, an answer at most 1 MB

inline constexpr uint32_t kConnectionsMax = 2000, kConnectionsDefault = 100;  // of our own TCP: a row is 400 bytes

inline constexpr uint32_t kExchangesMax = 200, kExchangesDefault = 100;  // the same: at most 4 KB each

inline constexpr uint32_t kChangesMax = 1000, kChangesDefault = 100;  // at most 7 KB each, a few hundred bytes as a rule

}  // namespace cardea::mgmt::api
