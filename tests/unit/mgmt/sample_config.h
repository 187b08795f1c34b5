// A small configuration as conf/ would hand it over, for the tests of this folder.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "conf/config.h"

namespace cardea::mgmt::test {

inline conf::Backend backend(const std::string& address, uint32_t weight = 1) {
  return {{}, Endpoint::parse(address).value(), weight};
}

inline conf::Pool pool(const std::string& name, std::vector<conf::Backend> backends, uint32_t ring_size = 1009) {
  conf::Pool made;
  made.name = name;
  made.ring_size = ring_size;
  made.backends = std::move(backends);
  return made;
}

inline conf::Service service(const std::string& name, const std::string& listen, const std::string& pool_name) {
  conf::Service made;
  made.name = name;
  made.listen = {{Endpoint::parse(listen).value(), Protocol::kTcp}};
  made.pool = pool_name;
  return made;
}

inline conf::Config config() {
  conf::Config made;
  made.cluster = {"test", "a seed"};
  made.dataplane.emplace();
  made.dataplane->workers = {0, 1};
  conf::Port port;
  port.name = "wan";
  port.device = "net_null0";
  port.addresses = {Prefix::parse("192.0.2.2/24").value(), Prefix::parse("2001:db8::2/64").value()};
  port.gateways = {IpAddress::parse("192.0.2.1").value()};
  made.dataplane->ports = {port};
  made.pools = {pool("web", {backend("10.0.0.11:8080", 3), backend("10.0.0.12:8080"), backend("[2001:db8::5]:8080")}),
                pool("dns", {backend("10.0.0.53:53"), backend("10.0.0.54:53")})};
  made.services = {service("shop", "203.0.113.10:80", "web"), service("names", "203.0.113.53:53", "dns")};
  return made;
}

}  // namespace cardea::mgmt::test
