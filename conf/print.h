// A Config as a libconfig document that reads back to the same value: every setting with the value in effect, defaults
// included.
#pragma once

#include <string>

#include "conf/config.h"

namespace cardea::conf {

enum class Secrets : uint8_t { kShown, kMasked };  // a masked document reads back, but with another seed

std::string print(const Config& config, Secrets secrets = Secrets::kMasked);

}  // namespace cardea::conf
