// The files with certificates and keys that a configuration names, looked at with this process's own eyes, so that what
// is wrong with one is said beside its setting. cardea-l7 reads them under a user and in a sandbox of its own and has
// the last word about a plan: what it alone may read is no mistake here.
#pragma once

#include <chrono>

#include "conf/config.h"
#include "conf/finding.h"

namespace cardea::mgmt {

enum class Look : uint8_t {
  kWhetherThere,  // a look-up for each file: 2000 files take 2 ms
  kInside,        // and whether they can be read, belong together and are not about to expire: 0.3 ms for each pair
};

// Of services in their order, then of pools. Files that are not there and files that no plan can be made of are
// errors, as cardea-l7 would not take the plan.
conf::Findings look_at_certificates(const conf::Config& config, Look look,
                                    std::chrono::system_clock::time_point now = std::chrono::system_clock::now());

}  // namespace cardea::mgmt
