// From which address this host would speak to another: asked of the kernel, whose routes decide, and kept for some
// seconds. Only addresses of the dataplane's ports count, since only their packets come through the door.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/ip.h"

namespace cardea::l7::door {

class SourceAddress {
 public:
  // `ports`: addresses of the dataplane's ports. Empty: what they are is not known, and each counts that is not loopback.
  void set_ports(std::vector<IpAddress> ports);
  // Nothing: what leads there is no port of the dataplane.
  std::optional<IpAddress> towards(const IpAddress& to, Instant now);

 private:
  static constexpr size_t kKeptMax = 4096;
  struct Hash {
    size_t operator()(const IpAddress& address) const;
  };
  struct Kept {
    std::optional<IpAddress> source;
    Instant until{};
  };
  bool is_port(const IpAddress& address) const;

  std::vector<IpAddress> ports_;
  std::unordered_map<IpAddress, Kept, Hash> kept_;
};

// As connect(2) would choose it; nothing where there is no way.
std::optional<IpAddress> kernel_source_towards(const IpAddress& to);
bool is_loopback(const IpAddress& address);

}  // namespace cardea::l7::door
