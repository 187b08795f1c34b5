// What the kernel says of the program and of the socket.
#include "dataplane/port/xdp_way.h"

#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <sys/socket.h>

namespace cardea::dataplane {
namespace {

bool copies(int socket) {
  xdp_options options{};
  socklen_t size = sizeof options;
  return ::getsockopt(socket, SOL_XDP, XDP_OPTIONS, &options, &size) != 0 ||
         (options.flags & XDP_OPTIONS_ZEROCOPY) == 0;
}

}  // namespace

XdpWay xdp_way(int interface_index, int socket) {
  bpf_xdp_query_opts found{};
  found.sz = sizeof found;
  if (::bpf_xdp_query(interface_index, 0, &found) != 0 || found.attach_mode == XDP_ATTACHED_NONE) return XdpWay::kNone;
  if (found.attach_mode == XDP_ATTACHED_SKB) return XdpWay::kGeneric;
  return copies(socket) ? XdpWay::kCopy : XdpWay::kZeroCopy;
}

std::string_view name(XdpWay way) {
  switch (way) {
    case XdpWay::kZeroCopy:
      return "zero-copy";
    case XdpWay::kCopy:
      return "copy";
    case XdpWay::kGeneric:
      return "generic";
    case XdpWay::kNone:
      break;
  }
  return "";
}

}  // namespace cardea::dataplane
