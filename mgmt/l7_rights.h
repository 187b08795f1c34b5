// What the user of an installed cardea-l7 may read, asked of the kernel by a thread that is that user: root may read all, and
// its look at a file says nothing about cardea-l7's.
#pragma once

#include "conf/config.h"
#include "conf/finding.h"

namespace cardea::mgmt {

// Of all files that it reads for a plan. Warnings, as another user may run it here. Nobody but root can tell, and where there
// is no such user, nobody.
conf::Findings look_at_rights(const conf::Config& config, const char* user = "cardea-l7");

}  // namespace cardea::mgmt
