// Talking to the kernel's routing tables by netlink, with libmnl: requests that wait for their answer, whole-table
// dumps, and a socket that follows changes. One thread uses an object; it speaks to the network namespace it was opened
// in.
#pragma once

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include <array>
#include <cstdint>
#include <functional>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace cardea::dataplane {

// One request in the making; attributes are put with libmnl's mnl_attr_put_* on message().
class NetlinkRequest {
 public:
  NetlinkRequest(uint16_t type, uint16_t flags);
  NetlinkRequest(const NetlinkRequest&) = delete;

  template <typename T>
  T* header() {
    return static_cast<T*>(mnl_nlmsg_put_extra_header(message_, sizeof(T)));
  }
  nlmsghdr* message() { return message_; }

 private:
  alignas(NLMSG_ALIGNTO) std::array<char, 1024> buffer_{};
  nlmsghdr* message_;
};

// Visits the attributes of a payload. (libmnl's loop macros are not C++.)
template <typename Visit>
void each_attribute(const void* payload, size_t length, Visit visit) {
  const char* at = static_cast<const char*>(payload);
  for (int left = int(length); mnl_attr_ok(reinterpret_cast<const nlattr*>(at), left);) {
    const auto* attribute = reinterpret_cast<const nlattr*>(at);
    visit(attribute);
    const int step = int(MNL_ALIGN(attribute->nla_len));
    at += step, left -= step;
  }
}
// Those behind a message's fixed header of `header` bytes.
template <typename Visit>
void each_attribute(const nlmsghdr& message, size_t header, Visit visit) {
  const size_t skip = MNL_ALIGN(header), length = mnl_nlmsg_get_payload_len(&message);
  if (length > skip)
    each_attribute(static_cast<const char*>(mnl_nlmsg_get_payload(&message)) + skip, length - skip, visit);
}

using NetlinkMessage = std::function<void(const nlmsghdr&)>;

class Netlink {
 public:
  // `groups`: RTMGRP_* bits of the changes to follow; 0 for a socket that only asks.
  static Result<Netlink> open(uint32_t groups);

  // Sends and waits for the kernel's acknowledgement. The Error holds errno's text and the kernel's own words.
  Result<> run(NetlinkRequest& request);
  // The same, telling which errno it was: 0 is success.
  int run_errno(NetlinkRequest& request);
  // Sends a dump request and passes on each message of the answer.
  Result<> dump(NetlinkRequest& request, const NetlinkMessage& each);
  // Passes on what has arrived, without waiting. An Error with "overrun" when changes were lost: dump again.
  Result<> receive(const NetlinkMessage& each);

  int fd() const { return fd_.get(); }

 private:
  explicit Netlink(FileDescriptor fd) : fd_(std::move(fd)) {}
  Result<> send(NetlinkRequest& request);

  FileDescriptor fd_;
  uint32_t sequence_ = 0;
  std::string kernel_words_;
};

}  // namespace cardea::dataplane
