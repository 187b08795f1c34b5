#include "mgmt/exempt.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>

#include "base/client_network.h"

namespace cardea::mgmt {
namespace {

constexpr uint8_t kNetworkOfIpv6 = 64;

Prefix whole(const IpAddress& address) {
  return {address, uint8_t(address.is_v4() ? 32 : 128)};
}

}  // namespace

void Exempt::add(const Prefix& network) {
  if (network.length >= (network.address.is_v4() ? 32 : kNetworkOfIpv6)) hosts_.insert(client_network(network.address));
  else networks_.push_back(network);
}

Exempt::Exempt(const conf::Config& config, const std::vector<IpAddress>& own) {
  const auto add_texts = [this](const std::vector<std::string>& networks) {
    for (const std::string& text : networks)
      if (const auto network = Prefix::parse(text)) add(*network);
  };
  const auto add_all = [this](const std::vector<Prefix>& networks) {
    for (const Prefix& network : networks) add(network);
  };
  add_texts({"127.0.0.0/8", "::1/128", "fe80::/10"});
  for (const IpAddress& address : own) add(whole(address));
  if (config.dataplane) {
    add_all(config.dataplane->blocks.never);
    for (const IpAddress& address : config.dataplane->nat.addresses) add(whole(address));
    for (const conf::Port& port : config.dataplane->ports) {
      for (const Prefix& address : port.addresses) add(whole(address.address));
      for (const IpAddress& gateway : port.gateways) add(whole(gateway));
    }
  }
  for (const conf::Pool& pool : config.pools)
    for (const conf::Backend& backend : pool.backends) add(whole(backend.address.address));
  for (const conf::Service& service : config.services) {
    for (const conf::Listen& listen : service.listen) add(whole(listen.endpoint.address));
    if (service.proxy_protocol) add_all(service.proxy_protocol->from);
    if (service.policies.trusted_proxies) add_texts(service.policies.trusted_proxies->from);
  }
}

bool Exempt::has(const IpAddress& source) const {
  const auto contains = [&source](const Prefix& network) { return network.contains(source); };
  return hosts_.contains(client_network(source)) || std::ranges::any_of(networks_, contains);
}

std::vector<IpAddress> addresses_of_this_host() {
  std::vector<IpAddress> all;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return all;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    if (one->ifa_addr->sa_family == AF_INET)
      all.push_back(IpAddress::v4_bytes(&reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr));
    if (one->ifa_addr->sa_family == AF_INET6)
      all.push_back(IpAddress::v6_bytes(&reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr));
  }
  ::freeifaddrs(list);
  return all;
}

}  // namespace cardea::mgmt
