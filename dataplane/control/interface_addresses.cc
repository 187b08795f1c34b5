// RTM_NEWADDR and RTM_NEWROUTE for the ports' kernel sides.
#include "dataplane/control/interface_addresses.h"

#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace cardea::dataplane {
namespace {

uint16_t home_of(const LivePlan& plan, const IpAddress& address) {
  for (size_t i = 0; i < plan.ports.size(); ++i)
    for (const Prefix& prefix : plan.ports[i].addresses)
      if (prefix.contains(address)) return uint16_t(i);
  return 0;
}

bool is_floating(const LivePlan& plan, const IpAddress& address) {
  const auto holds = [&](const Prefix& prefix) { return prefix.contains(address); };
  return std::ranges::any_of(plan.settings.floating, holds);
}

bool is_port_address(const LivePlan& plan, const IpAddress& address) {
  for (const PlanPort& port : plan.ports)
    for (const Prefix& prefix : port.addresses)
      if (prefix.address == address) return true;
  return false;
}

void put_address(nlmsghdr* message, uint16_t type, const IpAddress& address) {
  if (address.is_v4())
    mnl_attr_put(message, type, 4, address.v4_data());
  else
    mnl_attr_put(message, type, 16, address.bytes.data());
}

// In the numbers that addresses and routes have for who set them; not among those that iproute2 or routing daemons use.
constexpr uint8_t kOurs = 202;

// True: it was set, and is ours.
bool remember(Result<>& first, Result<bool> done) {
  if (first && !done) first = std::unexpected(std::move(done).error());
  return done && *done;
}

std::optional<IpAddress> address_in(const nlattr* attribute) {
  const size_t length = mnl_attr_get_payload_len(attribute);
  const void* bytes = mnl_attr_get_payload(attribute);
  if (length == 4) return IpAddress::v4_bytes(bytes);
  if (length == 16) return IpAddress::v6_bytes(bytes);
  return std::nullopt;
}

}  // namespace

TapSettings tap_settings(const LivePlan& plan) {
  TapSettings wanted;
  std::set<IpAddress> floating;
  const auto add_single = [&](const IpAddress& address) {
    if (is_port_address(plan, address)) return;
    wanted.addresses.insert({home_of(plan, address), {address, uint8_t(address.is_v4() ? 32 : 128)}, true});
  };
  for (size_t i = 0; i < plan.ports.size(); ++i) {
    for (const Prefix& prefix : plan.ports[i].addresses) wanted.addresses.insert({uint16_t(i), prefix, false});
    for (const IpAddress& gateway : plan.ports[i].gateways) wanted.gateways.insert({uint16_t(i), gateway});
  }
  for (const LiveService& service : *plan.services)
    if (service.used)
      for (const ListenEntry& listen : service.listens)
        is_floating(plan, listen.address) ? void(floating.insert(listen.address)) : add_single(listen.address);
  for (const NatSource& source : plan.nat_sources)  // a host's own, unless clients come to it as well
    if (!floating.contains(source.address)) add_single(source.address);
  return wanted;
}

std::optional<uint16_t> InterfaceAddresses::shared_port(int index) const {
  for (const uint16_t port : shared_)
    if (indexes_[port] == index) return port;
  return std::nullopt;
}

Result<> InterfaceAddresses::find_own() {
  NetlinkRequest addresses(RTM_GETADDR, 0), routes(RTM_GETROUTE, 0);
  addresses.header<ifaddrmsg>()->ifa_family = AF_UNSPEC;
  routes.header<rtmsg>()->rtm_family = AF_UNSPEC;
  if (auto done = netlink_.dump(addresses, [this](const nlmsghdr& message) { take_address(message); }); !done)
    return std::unexpected(std::move(done).error().in("read the addresses of shared interfaces"));
  if (auto done = netlink_.dump(routes, [this](const nlmsghdr& message) { take_gateway(message); }); !done)
    return std::unexpected(std::move(done).error().in("read the routes of shared interfaces"));
  return {};
}

void InterfaceAddresses::take_address(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWADDR) return;
  const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&message));
  const auto port = shared_port(int(header->ifa_index));
  std::optional<IpAddress> address, local;
  uint32_t flags = header->ifa_flags;
  uint8_t whose = 0;
  each_attribute(message, sizeof *header, [&](const nlattr* attribute) {
    const uint16_t type = mnl_attr_get_type(attribute);
    if (type == IFA_ADDRESS) address = address_in(attribute);
    if (type == IFA_LOCAL) local = address_in(attribute);
    if (type == IFA_FLAGS) flags = mnl_attr_get_u32(attribute);
    if (type == IFA_PROTO) whose = mnl_attr_get_u8(attribute);
  });
  if (local) address = local;  // IPv6 names it only where there is a peer
  if (!port || !address || whose != kOurs) return;
  applied_.addresses.insert({*port, {*address, header->ifa_prefixlen}, (flags & IFA_F_NOPREFIXROUTE) != 0});
}

void InterfaceAddresses::take_gateway(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWROUTE) return;
  const auto* header = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&message));
  if (header->rtm_protocol != kOurs || header->rtm_dst_len != 0) return;
  std::optional<IpAddress> gateway;
  int index = 0;
  each_attribute(message, sizeof *header, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == RTA_GATEWAY) gateway = address_in(attribute);
    if (mnl_attr_get_type(attribute) == RTA_OIF) index = int(mnl_attr_get_u32(attribute));
  });
  const auto port = shared_port(index);
  if (port && gateway) applied_.gateways.insert({*port, *gateway});
}

Result<> InterfaceAddresses::apply(const TapSettings& wanted) {
  Result<> first;
  TapSettings now = applied_;
  for (const auto& gateway : applied_.gateways)
    if (!wanted.gateways.contains(gateway)) remember(first, set_gateway(gateway, false)), now.gateways.erase(gateway);
  for (const auto& address : applied_.addresses)
    if (!wanted.addresses.contains(address)) remember(first, set_address(address, false)), now.addresses.erase(address);
  for (const auto& address : wanted.addresses)
    if (!applied_.addresses.contains(address) && remember(first, set_address(address, true)))
      now.addresses.insert(address);
  for (const auto& gateway : wanted.gateways)
    if (!applied_.gateways.contains(gateway) && remember(first, set_gateway(gateway, true)))
      now.gateways.insert(gateway);
  applied_ = std::move(now);
  return first;
}

Result<> InterfaceAddresses::restore(const TapSettings& wanted) {
  TapSettings before = std::exchange(applied_, applied_to_taps());
  if (auto done = find_own(); !done) {
    applied_ = std::move(before);
    return done;
  }
  return apply(wanted);
}

Result<> InterfaceAddresses::give_back() {
  return apply(applied_to_taps());
}

TapSettings InterfaceAddresses::applied_to_taps() const {
  TapSettings applied = applied_;
  std::erase_if(applied.addresses, [this](const TapAddress& address) { return shared_.contains(address.port); });
  std::erase_if(applied.gateways, [this](const TapGateway& gateway) { return shared_.contains(gateway.port); });
  return applied;
}

// On a TAP nobody else sets anything that is not to be ours.
uint16_t InterfaceAddresses::flags_to_set(uint16_t port) const {
  return NLM_F_CREATE | (shared_.contains(port) ? NLM_F_EXCL : NLM_F_REPLACE);
}

Result<bool> InterfaceAddresses::set_address(const TapAddress& address, bool present) {
  NetlinkRequest request(present ? RTM_NEWADDR : RTM_DELADDR, present ? flags_to_set(address.port) : 0);
  auto* header = request.header<ifaddrmsg>();
  const bool v4 = address.prefix.address.is_v4();
  header->ifa_family = v4 ? AF_INET : AF_INET6;
  header->ifa_prefixlen = address.prefix.length;
  header->ifa_index = unsigned(indexes_[address.port]);
  put_address(request.message(), IFA_LOCAL, address.prefix.address);
  put_address(request.message(), IFA_ADDRESS, address.prefix.address);
  if (present) {
    // Usable at once: duplicate address detection would keep a service away for a second and cannot help beside a peer
    // that holds the same service address on purpose.
    mnl_attr_put_u32(request.message(), IFA_FLAGS,
                     (v4 ? 0 : IFA_F_NODAD) | (address.service ? IFA_F_NOPREFIXROUTE : 0));
    if (shared_.contains(address.port)) mnl_attr_put_u8(request.message(), IFA_PROTO, kOurs);
    if (address.service && !v4) {
      const ifa_cacheinfo deprecated{.ifa_prefered = 0, .ifa_valid = 0xffffffff};
      mnl_attr_put(request.message(), IFA_CACHEINFO, sizeof deprecated, &deprecated);
    }
  }
  const int number = netlink_.run_errno(request);
  if (number == EEXIST && shared_.contains(address.port)) return false;
  if (number == 0 || (!present && number == EADDRNOTAVAIL)) return true;
  return fail_errno(
      fmt::format("{} {} {} a port", present ? "put" : "take", address.prefix.text(), present ? "on" : "from"), number);
}

Result<bool> InterfaceAddresses::set_gateway(const TapGateway& gateway, bool present) {
  const bool shared = shared_.contains(gateway.port);
  NetlinkRequest request(present ? RTM_NEWROUTE : RTM_DELROUTE, present ? flags_to_set(gateway.port) : 0);
  auto* route = request.header<rtmsg>();
  route->rtm_family = gateway.gateway.is_v4() ? AF_INET : AF_INET6;
  route->rtm_table = RT_TABLE_MAIN;
  route->rtm_protocol = shared ? kOurs : uint8_t{RTPROT_STATIC};
  route->rtm_scope = present ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE;
  route->rtm_type = RTN_UNICAST;
  put_address(request.message(), RTA_GATEWAY, gateway.gateway);
  mnl_attr_put_u32(request.message(), RTA_OIF, uint32_t(indexes_[gateway.port]));
  const int number = netlink_.run_errno(request);
  if (number == EEXIST && shared) return false;
  if (number == 0 || (!present && number == ESRCH)) return true;
  return fail_errno(fmt::format("{} the default route by {}", present ? "set" : "remove", gateway.gateway.text()),
                    number);
}

}  // namespace cardea::dataplane
