// Reading RTM_NEWROUTE and RTM_NEWNEIGH. Of a multipath route the first usable way over one of our TAPs counts.
#include "dataplane/control/kernel_messages.h"

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace cardea::dataplane {
namespace {

std::optional<uint16_t> port_of(int interface_index, std::span<const int> tap_indexes) {
  const auto at = std::ranges::find(tap_indexes, interface_index);
  if (at == tap_indexes.end()) return std::nullopt;
  return uint16_t(at - tap_indexes.begin());
}

std::optional<IpAddress> address_in(const void* data, size_t length) {
  if (length == 4) return IpAddress::v4_bytes(data);
  if (length == 16) return IpAddress::v6_bytes(data);
  return std::nullopt;
}
std::optional<IpAddress> address_in(const nlattr* attribute) {
  return address_in(mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));
}

// RTA_VIA: a gateway of the other family, two bytes of family before the address.
std::optional<IpAddress> via_in(const nlattr* attribute) {
  const size_t length = mnl_attr_get_payload_len(attribute);
  if (length <= 2) return std::nullopt;
  return address_in(static_cast<const char*>(mnl_attr_get_payload(attribute)) + 2, length - 2);
}

constexpr unsigned kUnusable = RTNH_F_DEAD | RTNH_F_LINKDOWN;

struct Way {
  int interface_index = 0;
  std::optional<IpAddress> gateway;
};

Way first_way(const nlattr* multipath, std::span<const int> tap_indexes) {
  const char* at = static_cast<const char*>(mnl_attr_get_payload(multipath));
  size_t left = mnl_attr_get_payload_len(multipath);
  while (left >= sizeof(rtnexthop)) {
    rtnexthop hop;
    std::memcpy(&hop, at, sizeof hop);
    if (hop.rtnh_len < sizeof hop || hop.rtnh_len > left) break;
    if ((hop.rtnh_flags & kUnusable) == 0 && port_of(hop.rtnh_ifindex, tap_indexes)) {
      Way way{.interface_index = hop.rtnh_ifindex};
      each_attribute(at + sizeof hop, hop.rtnh_len - sizeof hop, [&](const nlattr* attribute) {
        if (mnl_attr_get_type(attribute) == RTA_GATEWAY) way.gateway = address_in(attribute);
        if (mnl_attr_get_type(attribute) == RTA_VIA) way.gateway = via_in(attribute);
      });
      return way;
    }
    const size_t step = NLMSG_ALIGN(hop.rtnh_len);
    if (step >= left) break;
    at += step, left -= step;
  }
  return {};
}

bool leads_nowhere(uint8_t type) {
  return type == RTN_BLACKHOLE || type == RTN_UNREACHABLE || type == RTN_PROHIBIT;
}

// Of every packet to its destination; not only of those with a certain source or type of service.
bool leads_all(const rtmsg& route) {
  return route.rtm_src_len == 0 && route.rtm_tos == 0 && (route.rtm_flags & (RTM_F_CLONED | kUnusable)) == 0 &&
         (route.rtm_type == RTN_UNICAST || leads_nowhere(route.rtm_type));
}

}  // namespace

std::optional<KernelRoute> read_route(const nlmsghdr& message, std::span<const int> tap_indexes) {
  const auto* route = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&message));
  const bool v4 = route->rtm_family == AF_INET;
  if ((!v4 && route->rtm_family != AF_INET6) || !leads_all(*route)) return std::nullopt;
  KernelRoute found;
  found.destination = {v4 ? IpAddress::v4(0) : IpAddress{}, route->rtm_dst_len};
  uint32_t table = route->rtm_table;
  Way way;
  each_attribute(message, sizeof *route, [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case RTA_DST:
        found.destination.address = address_in(attribute).value_or(found.destination.address);
        break;
      case RTA_TABLE:
        table = mnl_attr_get_u32(attribute);
        break;
      case RTA_PRIORITY:
        found.metric = mnl_attr_get_u32(attribute);
        break;
      case RTA_OIF:
        way.interface_index = int(mnl_attr_get_u32(attribute));
        break;
      case RTA_GATEWAY:
        way.gateway = address_in(attribute);
        break;
      case RTA_VIA:
        way.gateway = via_in(attribute);
        break;
      case RTA_MULTIPATH:
        way = first_way(attribute, tap_indexes);
        break;
      default:
        break;
    }
  });
  if (table != RT_TABLE_MAIN) return std::nullopt;
  found.reachable = route->rtm_type == RTN_UNICAST;
  if (!found.reachable) return found;
  const auto port = port_of(way.interface_index, tap_indexes);
  if (!port) return std::nullopt;
  found.port = *port;
  found.gateway = way.gateway;
  return found;
}

std::optional<NeighbourReport> read_neighbour(const nlmsghdr& message, std::span<const int> tap_indexes) {
  const auto* neighbour = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(&message));
  if (neighbour->ndm_family != AF_INET && neighbour->ndm_family != AF_INET6) return std::nullopt;
  const auto port = port_of(neighbour->ndm_ifindex, tap_indexes);
  if (!port || neighbour->ndm_type == RTN_MULTICAST || (neighbour->ndm_flags & NTF_PROXY) != 0) return std::nullopt;
  NeighbourReport found{.key = {*port, {}}, .report = Neighbours::Report::kIncomplete};
  bool has_address = false, has_mac = false;
  each_attribute(message, sizeof *neighbour, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NDA_DST)
      if (const auto address = address_in(attribute)) found.key.address = *address, has_address = true;
    if (mnl_attr_get_type(attribute) == NDA_LLADDR && mnl_attr_get_payload_len(attribute) == found.mac.size()) {
      std::memcpy(found.mac.data(), mnl_attr_get_payload(attribute), found.mac.size());
      has_mac = true;
    }
  });
  if (!has_address) return std::nullopt;
  constexpr uint16_t kUsable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;
  if ((neighbour->ndm_state & NUD_NOARP) != 0) return std::nullopt;  // multicast and broadcast
  if (message.nlmsg_type == RTM_DELNEIGH)
    found.report = Neighbours::Report::kGone;
  else if ((neighbour->ndm_state & kUsable) != 0 && has_mac)
    found.report = Neighbours::Report::kReachable;
  else if ((neighbour->ndm_state & NUD_FAILED) != 0)
    found.report = Neighbours::Report::kFailed;
  return found;
}

bool is_of_link(const nlmsghdr& message, std::span<const int> indexes) {
  return port_of(static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message))->ifi_index, indexes).has_value();
}

bool is_of_address(const nlmsghdr& message, std::span<const int> indexes) {
  return port_of(int(static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&message))->ifa_index), indexes).has_value();
}

bool is_default_route(const nlmsghdr& message, std::span<const int> indexes) {
  const auto* route = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&message));
  if (route->rtm_dst_len != 0 || route->rtm_table != RT_TABLE_MAIN) return false;
  bool ours = false;
  each_attribute(message, sizeof *route, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == RTA_OIF) ours |= port_of(int(mnl_attr_get_u32(attribute)), indexes).has_value();
    if (mnl_attr_get_type(attribute) == RTA_MULTIPATH) ours |= first_way(attribute, indexes).interface_index != 0;
  });
  return ours;
}

}  // namespace cardea::dataplane
