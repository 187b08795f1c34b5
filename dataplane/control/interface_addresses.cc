// RTM_NEWADDR and RTM_NEWROUTE for the TAPs.
#include "dataplane/control/interface_addresses.h"

#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>

namespace cardea::dataplane {
namespace {

uint16_t home_of(const LivePlan& plan, const IpAddress& address) {
  for (size_t i = 0; i < plan.ports.size(); ++i)
    for (const Prefix& prefix : plan.ports[i].addresses)
      if (prefix.contains(address)) return uint16_t(i);
  return 0;
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

void remember(Result<>& first, Result<> done) {
  if (first && !done) first = std::move(done);
}

}  // namespace

TapSettings tap_settings(const LivePlan& plan) {
  TapSettings wanted;
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
      for (const ListenEntry& listen : service.listens) add_single(listen.address);
  for (const NatSource& source : plan.nat_sources) add_single(source.address);
  return wanted;
}

Result<> InterfaceAddresses::apply(const TapSettings& wanted) {
  Result<> first;
  TapSettings now = applied_;
  for (const auto& gateway : applied_.gateways)
    if (!wanted.gateways.contains(gateway)) remember(first, set_gateway(gateway, false)), now.gateways.erase(gateway);
  for (const auto& address : applied_.addresses)
    if (!wanted.addresses.contains(address)) remember(first, set_address(address, false)), now.addresses.erase(address);
  for (const auto& address : wanted.addresses)
    if (!applied_.addresses.contains(address)) {
      auto done = set_address(address, true);
      if (done) now.addresses.insert(address);
      remember(first, std::move(done));
    }
  for (const auto& gateway : wanted.gateways)
    if (!applied_.gateways.contains(gateway)) {
      auto done = set_gateway(gateway, true);
      if (done) now.gateways.insert(gateway);
      remember(first, std::move(done));
    }
  applied_ = std::move(now);
  return first;
}

Result<> InterfaceAddresses::set_address(const TapAddress& address, bool present) {
  NetlinkRequest request(present ? RTM_NEWADDR : RTM_DELADDR, present ? NLM_F_CREATE | NLM_F_REPLACE : 0);
  auto* header = request.header<ifaddrmsg>();
  const bool v4 = address.prefix.address.is_v4();
  header->ifa_family = v4 ? AF_INET : AF_INET6;
  header->ifa_prefixlen = address.prefix.length;
  header->ifa_index = unsigned(tap_indexes_[address.port]);
  put_address(request.message(), IFA_LOCAL, address.prefix.address);
  put_address(request.message(), IFA_ADDRESS, address.prefix.address);
  if (present) {
    // Usable at once: duplicate address detection would keep a service away for a second and cannot help beside a peer
    // that holds the same service address on purpose.
    mnl_attr_put_u32(request.message(), IFA_FLAGS,
                     (v4 ? 0 : IFA_F_NODAD) | (address.service ? IFA_F_NOPREFIXROUTE : 0));
    if (address.service && !v4) {
      const ifa_cacheinfo deprecated{.ifa_prefered = 0, .ifa_valid = 0xffffffff};
      mnl_attr_put(request.message(), IFA_CACHEINFO, sizeof deprecated, &deprecated);
    }
  }
  const int number = netlink_.run_errno(request);
  if (number == 0 || (!present && number == EADDRNOTAVAIL)) return {};
  return fail_errno(
      fmt::format("{} {} {} a TAP", present ? "put" : "take", address.prefix.text(), present ? "on" : "from"), number);
}

Result<> InterfaceAddresses::set_gateway(const TapGateway& gateway, bool present) {
  NetlinkRequest request(present ? RTM_NEWROUTE : RTM_DELROUTE, present ? NLM_F_CREATE | NLM_F_REPLACE : 0);
  auto* route = request.header<rtmsg>();
  route->rtm_family = gateway.gateway.is_v4() ? AF_INET : AF_INET6;
  route->rtm_table = RT_TABLE_MAIN;
  route->rtm_protocol = RTPROT_STATIC;
  route->rtm_scope = present ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE;
  route->rtm_type = RTN_UNICAST;
  put_address(request.message(), RTA_GATEWAY, gateway.gateway);
  mnl_attr_put_u32(request.message(), RTA_OIF, uint32_t(tap_indexes_[gateway.port]));
  const int number = netlink_.run_errno(request);
  if (number == 0 || (!present && number == ESRCH)) return {};
  return fail_errno(fmt::format("{} the default route by {}", present ? "set" : "remove", gateway.gateway.text()),
                    number);
}

}  // namespace cardea::dataplane
