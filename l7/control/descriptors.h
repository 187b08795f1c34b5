// How many descriptors this process may have open. A proxied connection takes two, so what the host allows bounds what
// connections_max can mean.
#pragma once

#include <cstdint>
#include <string>

#include "l7/plan/live_plan.h"

namespace cardea::l7 {

// Raises the soft limit (RLIMIT_NOFILE) to the hard one; what is allowed then.
uint64_t raise_descriptor_limit();

// What to tell of a plan with a service whose connections_max this limit cannot serve; empty: none. Every service is
// held against the limit alone, because not all of them are full at once.
std::string descriptor_warning(const LivePlan& plan, uint64_t limit);

}  // namespace cardea::l7
