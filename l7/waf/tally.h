// What all processes of cardea-waf know of each other: one page that they share, counts that whoever did it adds to and who
// works for whom.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <array>
#include <cstdint>

namespace cardea::l7::waf {

struct Tally {
  static constexpr size_t kWorkersMax = 64;

  std::atomic<uint64_t> inspected{0}, matched{0}, micros{0};
  std::atomic<uint64_t> abandoned{0};   // questions whose asker was gone when their turn came
  std::atomic<uint64_t> late{0};        // workers that were ended for the time of one inspection
  std::atomic<uint64_t> deserted{0};    // and because its asker had left
  std::atomic<uint64_t> died{0};        // and for anything else
  std::atomic<uint64_t> loads{0}, loads_refused{0};
  struct Worker {
    std::atomic<pid_t> pid{0};
    std::atomic<bool> busy{false};
    std::atomic<bool> deserted{false};  // by who asked for what it inspects
  };
  // Of the generation that works, and of the one before it, which finishes: each has a side.
  using Crew = std::array<Worker, kWorkersMax>;
  std::array<Crew, 2> crews{};

  // In memory that children share.
  static Tally& make();
};

}  // namespace cardea::l7::waf
