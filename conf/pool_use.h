// Which kind of services send to a pool: the dataplane's, cardea-l7's, both or none; and which. Checks, compilers
// and answers ask it.
#pragma once

#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "conf/config.h"

namespace cardea::conf {

struct PoolUse {
  bool l4 = false, l7 = false;
  std::vector<std::string_view> services;  // each once, in the order of the file
  bool none() const { return !l4 && !l7; }
};

// The pools a service sends to, or asks, or copies to, each once.
std::vector<std::string_view> pools_of(const Service& service);

class PoolUses {
 public:
  // Keeps views of its names. `without`: services whose mode nobody knows yet.
  explicit PoolUses(const Config& config, const std::set<const Service*>& without = {});
  const PoolUse& of(std::string_view pool) const;

 private:
  void add(std::string_view pool, const Service& service);
  void add_further(const settings::PoliciesT& policies, const Service& service);

  std::unordered_map<std::string_view, PoolUse> uses_;
};

}  // namespace cardea::conf
