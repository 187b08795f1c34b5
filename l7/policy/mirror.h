// A second pool that gets copies of requests (settings.Mirror): which, how many at a time, and those under way.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/error.h"
#include "base/policies_generated.h"
#include "l7/policy/forward_auth.h"
#include "l7/route/action.h"

namespace cardea::l7::policy {

struct Mirror {
  route::Share share;              // all of what is copied
  uint32_t sample = 100;           // percent of the requests
  uint64_t body_max = 0;           // of a body that is held for it
  uint32_t under_way_max = 0;      // of all shards
  mutable std::atomic<uint32_t> under_way{0};

  static Result<std::shared_ptr<const Mirror>> read(const settings::MirrorT& from, const PoolNumbers& pools);
};

// One of those under way.
class MirrorPlace {
 public:
  MirrorPlace() = default;
  MirrorPlace(MirrorPlace&& other) noexcept = default;
  MirrorPlace& operator=(MirrorPlace&&) = delete;
  ~MirrorPlace() {
    if (of_) of_->under_way.fetch_sub(1, std::memory_order_relaxed);
  }
  // Empty: there are as many as may be.
  static MirrorPlace take(std::shared_ptr<const Mirror> of);
  explicit operator bool() const { return of_ != nullptr; }
  const Mirror& mirror() const { return *of_; }

 private:
  explicit MirrorPlace(std::shared_ptr<const Mirror> of) : of_(std::move(of)) {}

  std::shared_ptr<const Mirror> of_;
};

}  // namespace cardea::l7::policy
