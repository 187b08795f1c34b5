// How busy each of the dataplane's cores is: two readings of its status apart in time, compared.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace cardea::mgmt::api {

struct CoreBusy {
  uint64_t cpu = 0;
  std::optional<double> percent;  // nothing: there was only one reading, or the dataplane was restarted between two
};

struct CoreReading {
  std::chrono::steady_clock::time_point at;
  std::map<uint64_t, uint64_t> busy_ns;  // by CPU, since the dataplane started
};

CoreReading core_reading(const std::string& dataplane_status, std::chrono::steady_clock::time_point at);

// In percent of the time between the readings, with one digit behind the point.
std::vector<CoreBusy> compare(const CoreReading& before, const CoreReading& now);

// Remembers the last reading that is old enough to compare with. Any thread.
class CoreWatch {
 public:
  // Whether `now` can be compared with what is remembered: at least 100 ms, at most a minute ago.
  bool comparable(std::chrono::steady_clock::time_point now) const;
  std::vector<CoreBusy> take(CoreReading now);

 private:
  mutable std::mutex mutex_;
  std::optional<CoreReading> last_;
};

}  // namespace cardea::mgmt::api
