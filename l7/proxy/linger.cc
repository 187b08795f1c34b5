#include "l7/proxy/linger.h"

#include <algorithm>

#include "l7/runtime/close_after_delivery.h"

namespace cardea::l7::proxy {

Task<> linger(Arena& arena, Connection& c, Stream& stream, std::chrono::milliseconds pause, uint64_t bytes_max) {
  const ServicePlan& service = *c.service().now().plan;
  const PaceLimits limits{pause, service.rate_min, service.rate_window};
  const auto longest = std::max<std::chrono::milliseconds>(service.linger_timeout, kLinger);
  co_await close_after_delivery(arena, stream, limits, c.loop().now() + longest, bytes_max);
}

}  // namespace cardea::l7::proxy
