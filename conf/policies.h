// A route's policies with what they have of its service.
#pragma once

#include "base/policies_generated.h"

namespace cardea::conf {

// Headers are changed by both, as the manual has it; any other policy is the route's where it has one.
settings::PoliciesT merged(const settings::PoliciesT& service, const settings::PoliciesT& route);

}  // namespace cardea::conf
