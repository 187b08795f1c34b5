// The reasons of reasons.def as an enumeration with names and texts: the same word in verdicts, metrics and answers.
#pragma once

#include <cstdint>
#include <string_view>

namespace cardea::dataplane {

enum class Reason : uint8_t {
  kNone,
#define DROP(name, help) k_##name,
#define DOOR(name, help) k_##name,
#include "dataplane/path/reasons.def"
#undef DROP
#undef DOOR
  kCount
};

inline constexpr uint32_t kReasonCount = uint32_t(Reason::kCount);

std::string_view name(Reason reason);  // "bad_ip_checksum"; "none" for kNone
std::string_view help(Reason reason);
bool is_drop(Reason reason);

}  // namespace cardea::dataplane
