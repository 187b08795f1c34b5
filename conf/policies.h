// A route's policies with what they have of its service.
#pragma once

#include <string>
#include <vector>

#include "base/policies_generated.h"

namespace cardea::conf {

// Headers are changed by both, as the manual has it; any other policy is the route's where it has one.
settings::PoliciesT merged(const settings::PoliciesT& service, const settings::PoliciesT& route);

// Of compressed answers, where an operator names none.
const std::vector<std::string>& usual_encodings();
const std::vector<std::string>& usual_compressed_types();

}  // namespace cardea::conf
