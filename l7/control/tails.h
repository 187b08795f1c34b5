// Those who look on as exchanges end (`cardea tail`): each asks again and again for what came since, and who has not
// asked for a while looks on no more. Control thread only.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "l7/proxy/shard.h"
#include "l7/proxy/tail.h"

namespace cardea::l7 {

class Tails {
 public:
  static constexpr size_t kMost = 8;  // at a time
  static constexpr std::chrono::seconds kPatience{10};
  static constexpr size_t kLinesMost = 1000;  // an answer

  using Shards = std::vector<std::unique_ptr<proxy::Shard>>;

  // A new one, its number; an Error says what is wrong with the filter (empty: all exchanges), or that there are enough.
  Result<uint64_t> begin(const std::string& filter, const Shards& shards, Instant now);
  struct Seen {
    std::vector<std::string> lines;  // of JSON
    uint64_t dropped = 0;            // since it began
  };
  // What came since it was asked last. An Error: there is none of this number any more.
  Result<Seen> since(uint64_t number, Instant now);
  void end(uint64_t number, const Shards& shards);
  void tick(const Shards& shards, Instant now);

 private:
  struct Looking {
    std::shared_ptr<proxy::Tail> tail;
    Instant asked;
  };
  void tell(const Shards& shards) const;

  std::map<uint64_t, Looking> looking_;
  uint64_t numbers_ = 0;
};

}  // namespace cardea::l7
