// Numbers with units as operators write them, and back: durations ("2s", "500ms", "1m30s"), sizes ("64MB", "4GiB") and
// counts ("10M", "500k"). Whole numbers only; what does not fit or has no known unit is an Error that says what would
// do. kB, MB, GB and TB are powers of 1000, KiB, MiB, GiB and TiB powers of 1024.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace cardea::conf {

Result<std::chrono::milliseconds> parse_duration(std::string_view text);
Result<uint64_t> parse_size(std::string_view text);   // bytes
Result<uint64_t> parse_count(std::string_view text);  // a plain number or one with k, M or G

// What a text that was refused most likely means ("10m" bytes: 10MB; "5 sec": 5s; "10K": 10k); empty: nobody knows.
std::string size_meant(std::string_view text);
std::string duration_meant(std::string_view text);
std::string count_meant(std::string_view text);

// The numbers of a range, "0-3", as an array has them: "[0, 1, 2, 3]"; empty: it is none, or a long one.
std::string range_meant(std::string_view text);

// The shortest text that parses back to the same value.
std::string duration_text(std::chrono::milliseconds duration);
std::string size_text(uint64_t bytes);
std::string count_text(uint64_t count);

}  // namespace cardea::conf
