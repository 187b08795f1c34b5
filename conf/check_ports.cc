// Checks of `dataplane.ports`: names Linux can take, addresses that can be a host's, gateways that can be reached.
#include <algorithm>

#include "conf/check_parts.h"

namespace cardea::conf {
namespace {

void check_name(Checks& checks, const Port& port) {
  for (const char* taken : {".", "..", "lo", "all", "default"}) {
    if (port.name != taken) continue;
    checks.report(Finding::error, port.place.path + ".name",
                  fmt::format("{} cannot name a network interface of its own in Linux", in_quotes(port.name)),
                  "another name, such as \"wan\"");
  }
}

// What DPDK can open: a PCI address, or a driver of its own. The commonest slip is the name of a Linux interface.
void check_device(Checks& checks, const Port& port) {
  const std::string& device = port.device;
  if (device.starts_with("net_")) return;
  const bool of_pci_letters = device.find_first_not_of("0123456789abcdefABCDEF:.") == device.npos;
  if (of_pci_letters && device.find(':') != device.npos && device.find('.') != device.npos) return;
  const bool is_interface = device.size() <= 15 && device.find_first_of(":,/ ") == device.npos;
  checks.report(Finding::error, port.place.path + ".device",
                fmt::format("{} is no device that DPDK knows", in_quotes(device)),
                "a PCI address such as \"0000:3b:00.0\", or a DPDK device such as \"net_af_packet,iface=eth1\"",
                is_interface ? in_quotes("net_af_packet,iface=" + device) : "");
}

void check_kernel(Checks& checks, const Port& port) {
  if (port.kernel != PortKernel::kInterface || checks.places.spoilt(port.place.path + ".device")) return;
  const std::string path = port.place.path + ".kernel";
  const bool on_interface = port.device.starts_with("net_af_packet");
  if (!port.device.starts_with("net_af_xdp")) {
    checks.report(Finding::error, path,
                  fmt::format("{} cannot be shared with Linux: {}", in_quotes(port.device),
                              on_interface ? "af_packet takes copies of all packets, and Linux would answer them too"
                                           : "the dataplane drives the card itself, and Linux no longer sees it"),
                  on_interface ? "\"tap\", or a \"net_af_xdp\" device" : "\"tap\"");
  } else if (port.device.find("xdp_prog=") != std::string::npos) {
    checks.report(Finding::error, path,
                  "a shared interface has a program of the dataplane's, and `xdp_prog` names another",
                  "a device without xdp_prog");
  }
}

// The network's own address or its broadcast address: all host bits 0 or all 1 (RFC 3021: not in a /31).
bool names_all_hosts(const Prefix& prefix) {
  if (!prefix.address.is_v4() || prefix.length >= 31) return false;
  const uint32_t host_mask = 0xffffffffu >> prefix.length;
  const uint32_t host = prefix.address.v4_host_order() & host_mask;
  return host == 0 || host == host_mask;
}

void check_addresses(Checks& checks, const Port& port, Unique& addresses) {
  for (size_t i = 0; i < port.addresses.size(); ++i) {
    const Prefix& prefix = port.addresses[i];
    const std::string path = index_path(port.place.path + ".addresses", i);
    addresses.add(prefix.address.text(), path);
    if (const char* why = unusable(prefix.address)) {
      checks.report(Finding::error, path, fmt::format("{} is {}", prefix.address.text(), why),
                    "an address of this host");
    } else if (names_all_hosts(prefix)) {
      checks.report(Finding::error, path,
                    fmt::format("{} stands for the whole network, not for one host in it", prefix.text()),
                    "this host's own address in the network");
    }
  }
}

std::string networks(const Port& port, Family family) {
  std::string text;
  for (const Prefix& prefix : port.addresses)
    if (prefix.address.family() == family) text.append(text.empty() ? "" : " or ").append(prefix.text());
  return text;
}

void check_gateway(Checks& checks, const Port& port, const IpAddress& gateway, const std::string& path) {
  const auto holds = [&](const Prefix& prefix) { return prefix.contains(gateway); };
  if (std::ranges::count(port.addresses, gateway, &Prefix::address) > 0) {
    checks.report(Finding::error, path, fmt::format("{} is the port's own address", gateway.text()),
                  "the router's address");
  } else if (std::ranges::none_of(port.addresses, holds)) {
    const std::string near = networks(port, gateway.family());
    checks.report(Finding::error, path, fmt::format("{} is in none of the port's networks", gateway.text()),
                  near.empty() ? fmt::format("an {} address among the port's addresses", family_name(gateway.family()))
                               : "a router in the network of " + near);
  }
}

void check_gateways(Checks& checks, const Port& port) {
  const std::string path = port.place.path + ".gateway";
  if (checks.places.spoilt(port.place.path + ".addresses") || checks.places.spoilt(path)) return;
  for (size_t i = 0; i < port.gateways.size(); ++i) check_gateway(checks, port, port.gateways[i], path);
  if (port.gateways.size() == 2 && port.gateways[0].family() == port.gateways[1].family()) {
    checks.report(Finding::error, path,
                  fmt::format("there are two {} gateways", family_name(port.gateways[0].family())),
                  "at most one a family");
  }
}

}  // namespace

void check_ports(Checks& checks) {
  if (!checks.config.dataplane) return;
  Unique names(checks, "port name"), devices(checks, "device"), addresses(checks, "address");
  for (const Port& port : checks.config.dataplane->ports) {
    if (!port.name.empty()) names.add(in_quotes(port.name), port.place.path + ".name");
    if (!port.device.empty()) devices.add(in_quotes(port.device), port.place.path + ".device");
    if (!port.device.empty()) check_device(checks, port);
    if (!port.device.empty()) check_kernel(checks, port);
    check_name(checks, port);
    check_addresses(checks, port, addresses);
    check_gateways(checks, port);
  }
}

}  // namespace cardea::conf
