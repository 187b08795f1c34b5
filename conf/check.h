// What one setting alone cannot tell: checks between settings. Errors make the configuration unusable, warnings are
// probably not meant, hints may interest.
#pragma once

#include "conf/config.h"
#include "conf/finding.h"
#include "conf/places.h"

namespace cardea::conf {

void check(const Config& config, const Places& places, Findings& findings);

}  // namespace cardea::conf
