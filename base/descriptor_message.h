// Descriptors that travel beside a message of a Unix socket (SCM_RIGHTS).
#pragma once

#include <sys/socket.h>

#include <vector>

#include "base/file_descriptor.h"

namespace cardea {

// Owns every descriptor that came with a message, wanted or not, so that none can leak.
std::vector<FileDescriptor> take_descriptors(msghdr& message);

}  // namespace cardea
