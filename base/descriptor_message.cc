#include "base/descriptor_message.h"

#include "base/bytes.h"

namespace cardea {

std::vector<FileDescriptor> take_descriptors(msghdr& message) {
  std::vector<FileDescriptor> taken;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) taken.emplace_back(load_native<int>(CMSG_DATA(part) + i * sizeof(int)));
  }
  return taken;
}

}  // namespace cardea
