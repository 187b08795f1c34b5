// A process that runs plans, as the rest of mgmt/ sees it: what it is called and how its images are made. Everything
// else about the two of them is the same.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "conf/config.h"
#include "mgmt/pool_state.h"

namespace cardea::mgmt {

struct Consumer {
  const char* name;     // "dataplane": in answers, and of RUN/<name>.sock, RUN/<name>.stats and STATE/<name>.plan
  const char* process;  // "cardea-dataplane"
  const char* words;    // "the dataplane": in sentences

  bool (*concerned)(const conf::Config& config);                // whether the configuration has the process's section
  void (*inherit)(conf::Config& to, const conf::Config& from);  // the section of an earlier one
  std::vector<uint16_t> (*cpus)(const conf::Config& config);    // of its workers or shards, in their order
  std::vector<size_t> (*pools)(const conf::Config& config);     // indices of those its plan has
  Result<Image> (*compile)(const conf::Config& config, std::span<const PoolState> states, uint64_t generation);
  Image (*compile_update)(const conf::Config& config, std::span<const PoolState> states, std::span<const size_t> pools,
                          uint64_t generation);

  std::string socket(const std::string& run_dir) const { return run_dir + "/" + name + ".sock"; }
  std::string stats(const std::string& run_dir) const { return run_dir + "/" + name + ".stats"; }
};

extern const Consumer kDataplane;  // compile_l4.h
extern const Consumer kL7;         // compile_l7.h

}  // namespace cardea::mgmt
