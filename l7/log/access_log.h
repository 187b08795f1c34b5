// An access log's way out of the shards: each shard puts whole lines into a ring of bytes of its own, one writer thread
// moves them to the file, the pipe, syslog or journald. A shard never waits: what does not fit is dropped and counted by it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/log_target.h"

namespace cardea::l7 {

class AccessLog {
 public:
  // `ring_bytes` a shard. A socket that nobody listens on is no Error: it is tried again.
  static Result<std::unique_ptr<AccessLog>> open(const LogTarget& target, uint32_t shards, uint32_t ring_bytes);
  AccessLog(const AccessLog&) = delete;
  ~AccessLog();  // writes what is left, unless the target is stalled

  // The shard's own thread. `line` ends in a newline. False: no room.
  bool put(uint32_t shard, std::string_view line);
  // Any thread: opens the file anew (somebody renamed it). An Error leaves it as it was.
  Result<> reopen();
  // Any thread: lines that were sent and did not arrive.
  uint64_t lost() const;

 private:
  struct State;
  explicit AccessLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cardea::l7
