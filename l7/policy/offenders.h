// Who is refused most by a limit: the keys with their text, counted when they are refused, so that who keeps the limit costs
// nothing here. Fixed memory: as many as there is room for, of which the one that is refused least often lately gives way
// (Metwally's Space-Saving, with counts that halve every seven seconds). Any thread; one that finds another at work does
// not wait and is left out.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cardea::l7::policy {

struct Offender {
  std::string key;           // printable: what is not ASCII is written \xNN
  uint64_t refused = 0;      // since then, as far as it was known here
  double rate = 0;           // refusals a second, lately
  std::chrono::nanoseconds since{0}, last{0};
};

class Offenders {
 public:
  static constexpr size_t kRoom = 32, kTextMax = 96;  // bytes of a key's text that are kept

  void note(uint64_t key, std::string_view text, std::chrono::nanoseconds now);
  std::vector<Offender> top(std::chrono::nanoseconds now);  // who is refused most lately first

  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }  // in all

 private:
  struct Entry {
    uint64_t key = 0, refused = 0;
    // The logarithm of the weight that its refusals have, as of time 0: weights of different times compare as they are.
    double weight = -1e300;
    std::chrono::nanoseconds since{0}, last{0};
    uint8_t length = 0;
    std::array<char, kTextMax> text;
  };

  Entry& entry_of(uint64_t key, std::string_view text, std::chrono::nanoseconds now);

  std::atomic_flag locked_;
  std::atomic<uint64_t> refused_{0};
  std::array<Entry, kRoom> entries_{};
};

// What anybody's bytes look like where a terminal must not obey them: ASCII as it is, the rest as \xNN.
std::string printable(std::string_view text);

}  // namespace cardea::l7::policy
