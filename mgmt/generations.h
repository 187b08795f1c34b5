// The configurations that came into force, or wait to, as STATE/generations/N.cfg: what cardea-mgmt starts from, as the
// configuration file is a draft until it is loaded. A file holds the whole configuration as it was understood, whatever
// files it was written in. STATE/generations/marks.json says which one is accepted and which one waits for a restart.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "conf/config.h"

namespace cardea::mgmt {

inline constexpr size_t kGenerationsKept = 20;  // the newest, beside those that are marked

struct Marks {  // 0: none
  uint64_t accepted = 0, waiting = 0;
  std::vector<std::string> waits_for;  // names of the processes that have to be restarted
  bool operator==(const Marks&) const = default;
};

std::string generation_path(const std::string& state_dir, uint64_t number);
Result<> write_configuration(const std::string& state_dir, uint64_t number, const conf::Config& config);
Result<> write_marks(const std::string& state_dir, const Marks& marks);  // and forgets the oldest configurations

struct Remembered {
  Marks marks;
  std::shared_ptr<const conf::Config> accepted, waiting;
  std::string warning;  // what is marked and cannot be used
};
Remembered load_generations(const std::string& state_dir);

}  // namespace cardea::mgmt
