// Giving up what only the start needed: every capability but CAP_NET_ADMIN (addresses, routes and neighbours of the
// TAPs, taking the XDP program away at the end), in every thread of the process, for ever.
#pragma once

#include <string>

#include "base/error.h"

namespace cardea::dataplane {

// `user`: also become this user and its group; empty keeps the present one. An Error leaves the process in an unknown
// state: end it.
Result<> drop_privileges(const std::string& user);

}  // namespace cardea::dataplane
