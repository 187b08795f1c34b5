#include "mgmt/health/judge.h"

namespace cardea::mgmt::health {

bool Judge::observe(bool passed, Time now) {
  if (passed == up_) {
    streak_ = 0;
    return false;
  }
  if (++streak_ < (passed ? rise_ : fall_)) return false;
  streak_ = 0;
  up_ = passed;
  since_ = now;
  return true;
}

}  // namespace cardea::mgmt::health
