#include "base/descriptor_message.h"

#include <cstring>

#include "base/bytes.h"
#include "base/check.h"

namespace cardea {

void give_descriptors(msghdr& message, std::span<char> control, std::span<const int> descriptors) {
  if (descriptors.empty()) return;
  CHECK(control.size() >= CMSG_SPACE(descriptors.size_bytes()), "room for the descriptors of a message");
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
}

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
