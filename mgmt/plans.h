// The configurations that Rollout decides about and each PlanSync looks at: the one in force, and a newer one that waits
// until processes are restarted.
#pragma once

#include "mgmt/candidate.h"

namespace cardea::mgmt {

struct Plans {
  Candidate in_force, waiting;

  // What a process that starts now is to start with, whatever was handed over since.
  const Candidate& next_start() const { return waiting ? waiting : in_force; }
};

}  // namespace cardea::mgmt
