// Descriptors that travel beside a message of a Unix socket (SCM_RIGHTS).
#pragma once

#include <sys/socket.h>

#include <span>
#include <vector>

#include "base/file_descriptor.h"

namespace cardea {

// They go with the message; where there are none it is as it was. `control`: CMSG_SPACE of all of them, aligned as a
// cmsghdr, which has to live until the message is sent.
void give_descriptors(msghdr& message, std::span<char> control, std::span<const int> descriptors);

// Owns every descriptor that came with a message, wanted or not, so that none can leak.
std::vector<FileDescriptor> take_descriptors(msghdr& message);

}  // namespace cardea
