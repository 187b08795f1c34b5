#include "conf/check.h"

#include "conf/check_parts.h"

namespace cardea::conf {

const char* unusable(const IpAddress& address) {
  const auto& bytes = address.bytes;
  if (address.is_v4()) {
    const uint8_t first = bytes[12];
    if (first == 0) return "not an address of a host";
    if (first == 127) return "a loopback address";
    if (first >= 224) return first < 240 ? "a multicast address" : "a reserved address";
    return nullptr;
  }
  if (address == IpAddress{}) return "the unspecified address";
  if (bytes[0] == 0xff) return "a multicast address";
  if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) return "a link-local address";
  IpAddress loopback;
  loopback.bytes[15] = 1;
  return address == loopback ? "a loopback address" : nullptr;
}

std::string family_name(Family family) {
  return family == Family::kIpv4 ? "IPv4" : "IPv6";
}

void check_cluster(Checks& checks) {
  constexpr size_t kSeedLengthMin = 16;
  const std::string& seed = checks.config.cluster.seed;
  const std::string remedy = "a secret, the same on every node, such as the output of: openssl rand -hex 16";
  if (seed.empty()) {
    checks.report(Finding::warning, "cluster.seed",
                  "there is no seed: who knows the cluster's name can aim connections at one backend", remedy);
  } else if (seed.size() < kSeedLengthMin) {
    checks.report(Finding::warning, "cluster.seed", fmt::format("a seed of {} bytes can be guessed", seed.size()),
                  remedy);
  }
}

void check(const Config& config, const Places& places, Findings& findings) {
  Checks checks{config, places, findings};
  check_cluster(checks);
  check_dataplane(checks);
  check_ports(checks);
  check_pools(checks);
  check_services(checks);
  check_forwarding(checks);
}

}  // namespace cardea::conf
