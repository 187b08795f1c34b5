// The files that services and routes name for their policies, and the folders of their files, read by the code of
// cardea-l7 (l7/policy/named_files.h): whatever it would refuse a plan for is said here, in its words, beside the setting.
#pragma once

#include "conf/config.h"
#include "conf/finding.h"
#include "mgmt/certificate_files.h"

namespace cardea::mgmt {

// Errors; what this user may not read is a hint. Folders are looked for with Look::kInside alone: cardea-l7 starts without
// them, and only a reload that names one which is not there is refused.
conf::Findings look_at_policy_files(const conf::Config& config, Look look);

}  // namespace cardea::mgmt
