// Numbers, durations and times as people read them. The unit stands with the number, or in its column's title.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace cardea::mgmt::cli {

std::string grouped(uint64_t number);                    // 1234567 → "1 234 567"
std::string counted(uint64_t number, const char* noun);  // 1 → "1 flow", 1234 → "1 234 flows"
std::string short_number(double number);                 // 1234567 → "1.23 M"; below 1000 as it is
std::string bytes_text(uint64_t bytes);                  // 1500 → "1.5 KB", of 1000 as in the configuration
std::string duration_text(
    std::chrono::milliseconds duration);  // "850 ms", "12.5 s", "4 min 10 s", "2 h 5 min", "3 d 4 h"

}  // namespace cardea::mgmt::cli
