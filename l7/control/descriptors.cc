#include "l7/control/descriptors.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

namespace cardea::l7 {

uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

std::string descriptor_warning(const LivePlan& plan, uint64_t limit) {
  const auto fewer = [](const auto& a, const auto& b) { return a->connections_max < b->connections_max; };
  const auto largest = std::ranges::max_element(plan.services, fewer);
  if (largest == plan.services.end() || 2 * uint64_t{(*largest)->connections_max} <= limit) return {};
  return fmt::format(
      "service \"{}\" may have {} connections, which take two descriptors each, but this process may open {}: raise "
      "LimitNOFILE of cardea-l7.service, or set a lower connections_max",
      (*largest)->name, (*largest)->connections_max, limit);
}

}  // namespace cardea::l7
