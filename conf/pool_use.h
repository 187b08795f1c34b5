// Which kind of services send to a pool: the dataplane's, cardea-l7's, both or none. Checks and compilers ask it.
#pragma once

#include <string_view>
#include <unordered_map>

#include "conf/config.h"

namespace cardea::conf {

struct PoolUse {
  bool l4 = false, l7 = false;
  bool none() const { return !l4 && !l7; }
};

class PoolUses {
 public:
  explicit PoolUses(const Config& config);  // keeps views of its names
  PoolUse of(std::string_view pool) const;

 private:
  std::unordered_map<std::string_view, PoolUse> uses_;
};

}  // namespace cardea::conf
