// What cardea-mgmt remembers beside the configuration file: operators' overrides, the last known health and the plan's
// generation. It outlives restarts as STATE/runtime.json and reloads as long as the backend it speaks of exists.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/ip.h"
#include "conf/config.h"
#include "mgmt/standing.h"

namespace cardea::mgmt {

struct Health {
  bool up = true;
  std::string reason;  // of the last change; empty: never changed
  std::chrono::system_clock::time_point since;
  bool operator==(const Health&) const = default;
};

// A source that the dataplane takes nothing from for a while.
struct Block {
  std::chrono::system_clock::time_point since, until;
  std::string limit;  // that asked for it
  bool operator==(const Block&) const = default;
};

struct Runtime {
  uint64_t generation = 0;                   // of the newest plan that was handed out; it only grows
  std::map<BackendRef, Override> overrides;  // only those that differ from the default
  std::map<BackendRef, Health> health;       // only of backends that changed at least once
  std::map<IpAddress, Block> blocks;         // by source, of IPv6 by /64

  Override override_of(const BackendRef& ref) const;
  bool healthy(const BackendRef& ref) const;  // a backend nobody has judged yet counts as up
  std::chrono::system_clock::time_point since(const BackendRef& ref) const;  // of healthy(); the epoch: not known
  Standing standing_of(const conf::Pool& pool, const conf::Backend& backend) const;
  void keep_only(const conf::Config& config);  // forgets backends that are no longer in the file
  bool operator==(const Runtime&) const = default;
};

std::string to_json(const Runtime& runtime);
Result<Runtime> runtime_from_json(std::string_view text);  // an Error says what is damaged

}  // namespace cardea::mgmt
