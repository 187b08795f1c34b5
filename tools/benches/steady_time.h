// Times short pieces of work on a machine that others use too. Beside each piece a fixed loop of independent additions
// is timed: it slows down exactly when this core is shared with a busy hardware thread or lost its clock. Only pieces
// between two such loops that ran at full speed count; how many did is printed with the figure.
#pragma once

#include <cstdint>
#include <vector>

namespace cardea::bench {

class SteadyTime {
 public:
  explicit SteadyTime(uint32_t pieces_max) { pieces_.reserve(pieces_max); }
  // Half a second of loops, in which a core that is only now and then alone shows its full speed. Once, before
  // measuring.
  static void find_full_speed();

  template <typename Work>
  void measure(Work&& work) {
    if (before_ == 0) before_ = loop_ticks();
    const uint64_t start = ticks();
    work();
    const uint64_t taken = ticks() - start;
    const uint64_t after = loop_ticks();
    pieces_.push_back({taken, before_ > after ? before_ : after});
    before_ = after;
  }

  // Median nanoseconds of a piece: of those at full speed, and of all.
  struct Figure {
    double nanoseconds = 0, all_nanoseconds = 0, steady_percent = 0;
  };
  Figure figure();

 private:
  struct Piece {
    uint64_t taken, loop;
  };
  static uint64_t ticks();
  static uint64_t loop_ticks();

  std::vector<Piece> pieces_;
  uint64_t before_ = 0;
};

}  // namespace cardea::bench
