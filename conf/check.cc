#include "conf/check.h"

#include <algorithm>

#include "conf/check_parts.h"
#include "conf/nearest.h"

namespace cardea::conf {
namespace {

constexpr size_t kComparedMax = 1000;  // names that one which is not there is compared with, letter by letter

}  // namespace

const char* unusable(const IpAddress& address, Loopback loopback) {
  const auto& bytes = address.bytes;
  const char* own = loopback == Loopback::kAllowed ? nullptr : "a loopback address";
  if (address.is_v4()) {
    const uint8_t first = bytes[12];
    if (first == 0) return "not an address of a host";
    if (first == 127) return own;
    if (first >= 224) return first < 240 ? "a multicast address" : "a reserved address";
    return nullptr;
  }
  if (address == IpAddress{}) return "the unspecified address";
  if (bytes[0] == 0xff) return "a multicast address";
  if (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) return "a link-local address";
  IpAddress one;
  one.bytes[15] = 1;
  return address == one ? own : nullptr;
}

std::string family_name(Family family) {
  return family == Family::kIpv4 ? "IPv4" : "IPv6";
}

void Names::add(const std::string& name) {
  nameless_ |= name.empty();
  if (!name.empty() && known_.insert(name).second) all_.push_back(name);
}

void check_reference(Checks& checks, const std::string& name, const Names& known, const std::string& noun,
                     const std::string& path) {
  constexpr size_t kShown = 20;
  if (name.empty() || known.has(name)) return;
  const std::string list = noun + "s";
  if (checks.places.spoilt(list) && !known.complete()) return;
  const std::vector<std::string>& names = known.all();
  const std::string meant = names.size() <= kComparedMax ? nearest(name, names) : "";
  const bool few = !names.empty() && names.size() <= kShown;
  checks.report(
      Finding::error, path, fmt::format("there is no {} {}", noun, in_quotes(name)),
      few ? fmt::format("one of {}", fmt::join(names, ", ")) : fmt::format("a {} of that name in {}", noun, list),
      meant.empty() ? "" : in_quotes(meant));
}

void check_idle(Checks& checks, const std::string& path, std::initializer_list<const char*> settings,
                const std::string& where) {
  for (const char* setting : settings) {
    const std::string here = join_path(path, setting);
    if (checks.places.written(here)) checks.report(Finding::warning, here, "has no effect on " + where);
  }
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
  Checks checks{config, places, findings, find_unsure(config, places)};
  check_cluster(checks);
  check_modes(checks);
  check_dataplane(checks);
  check_ports(checks);
  check_pools(checks);
  check_services(checks);
  check_forwarding(checks);
  check_l7(checks);
  check_rate_limits(checks);
  check_routes(checks);
}

}  // namespace cardea::conf
