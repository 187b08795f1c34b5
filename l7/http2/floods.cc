#include "l7/http2/floods.h"

#include <algorithm>

namespace cardea::l7::http2 {

bool Budget::spend(Instant now) {
  const uint64_t more = uint64_t((now - refilled_) / refill_);
  if (more != 0) {
    left_ = uint32_t(std::min<uint64_t>(burst_, left_ + std::min<uint64_t>(more, burst_)));
    refilled_ = now;
  }
  if (left_ == 0) return false;
  --left_;
  return true;
}

}  // namespace cardea::l7::http2
