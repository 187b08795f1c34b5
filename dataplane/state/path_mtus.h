// What routers said about the ways to backends: a smaller MTU than the port's, believed for ten minutes (RFC 1191 6.3).
// Bounded; the oldest gives way. Control thread only.
#pragma once

#include <map>

#include "base/clock.h"
#include "base/ip.h"

namespace cardea::dataplane {

class PathMtus {
 public:
  static constexpr size_t kMax = 1024;
  static constexpr std::chrono::minutes kLife{10};

  // True when that changed something: the way is narrower than was known.
  bool learn(const IpAddress& destination, uint16_t mtu, Instant now);
  // Forgets what is too old. True when there was any.
  bool expire(Instant now);

  bool knows(const IpAddress& destination, uint16_t mtu) const;  // this MTU or a smaller one
  size_t size() const { return ways_.size(); }
  template <typename Visit>
  void each(Visit&& visit) const {
    for (const auto& [destination, way] : ways_) visit(destination, way.mtu);
  }

 private:
  struct Way {
    uint16_t mtu;
    Instant since;
  };
  std::map<IpAddress, Way> ways_;
};

}  // namespace cardea::dataplane
