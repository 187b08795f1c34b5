// Workers with the rules of one load. Its own process loads the rules once and forks workers of itself, which share that
// memory as long as nobody writes to it, so that a worker that was killed is back within a millisecond. The process that
// started it talks to it over a pair of sockets: a word when the rules are loaded, or why not; then the word to begin.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "l7/waf/tally.h"

namespace cardea::l7::waf {

struct Load {
  std::vector<std::vector<std::string>> sets;  // of rule files
  // What requests under way may still ask for. One that cannot be loaded any more is left out.
  std::vector<std::vector<std::string>> kept{};
  uint32_t workers = 1;
  uint32_t queue = 64;         // questions that may wait
  uint64_t memory_max = 0;     // bytes of a worker; 0: any
  std::optional<uid_t> asker{};  // who may ask, beside root and this user
};

struct Generation {
  pid_t pid = 0;
  size_t side = 0;
  FileDescriptor socket;

  // Forks. `listener`: where questions come, once it is told to begin. `side`: of the tally.
  static Result<Generation> start(const Load& load, int listener, Tally& tally, size_t side);
  void begin();
  void retire();  // its workers finish what they have begun
};

struct Loaded {
  std::string refused;         // empty: all sets are loaded
  std::vector<uint64_t> ids;   // theirs, and of those that were kept (rules_id)
};
// Of the process that speaks at `socket`. Readable once.
Loaded loaded_by(int socket);

}  // namespace cardea::l7::waf
