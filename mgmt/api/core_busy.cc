#include "mgmt/api/core_busy.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace cardea::mgmt::api {
namespace {
constexpr std::chrono::milliseconds kApartMin{100}, kApartMax{60'000};
}

CoreReading core_reading(const std::string& dataplane_status, std::chrono::steady_clock::time_point at) {
  CoreReading reading{at, {}};
  const auto status = nlohmann::json::parse(dataplane_status, nullptr, false);
  if (!status.is_object() || !status.contains("workers") || !status["workers"].is_array()) return reading;
  for (const auto& worker : status["workers"]) {
    const bool sound = worker.is_object() && worker.contains("cpu") && worker["cpu"].is_number_unsigned() &&
                       worker.contains("busy_nanoseconds") && worker["busy_nanoseconds"].is_number_unsigned();
    if (sound) reading.busy_ns[worker["cpu"].get<uint64_t>()] = worker["busy_nanoseconds"].get<uint64_t>();
  }
  return reading;
}

std::vector<CoreBusy> compare(const CoreReading& before, const CoreReading& now) {
  const double apart = std::chrono::duration<double, std::nano>(now.at - before.at).count();
  std::vector<CoreBusy> cores;
  for (const auto& [cpu, busy] : now.busy_ns) {
    auto& core = cores.emplace_back(CoreBusy{cpu, {}});
    const auto earlier = before.busy_ns.find(cpu);
    if (earlier == before.busy_ns.end() || earlier->second > busy || apart <= 0) continue;
    core.percent = std::min(100.0, std::round(1000.0 * double(busy - earlier->second) / apart) / 10.0);
  }
  return cores;
}

bool CoreWatch::comparable(std::chrono::steady_clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  return last_ && now - last_->at >= kApartMin && now - last_->at <= kApartMax;
}

std::vector<CoreBusy> CoreWatch::take(CoreReading now) {
  const std::lock_guard lock(mutex_);
  auto cores = compare(last_.value_or(now), now);
  last_ = std::move(now);
  return cores;
}

}  // namespace cardea::mgmt::api
