// When a backend counts as up: after `rise` passed checks in a row, and as down after `fall` failed ones. A result that
// agrees with the present state only ends the streak against it. Pure: results and times in, the state out.
#pragma once

#include <chrono>
#include <cstdint>

namespace cardea::mgmt::health {

class Judge {
 public:
  using Time = std::chrono::system_clock::time_point;

  Judge(uint32_t rise, uint32_t fall, bool up, Time now) : rise_(rise), fall_(fall), up_(up), since_(now) {}

  // Takes one result; true when it changed up().
  bool observe(bool passed, Time now);

  bool up() const { return up_; }
  Time since() const { return since_; }        // when up() took its value
  uint32_t streak() const { return streak_; }  // results in a row that speak against up()

 private:
  uint32_t rise_, fall_;
  uint32_t streak_ = 0;
  bool up_;
  Time since_;
};

}  // namespace cardea::mgmt::health
