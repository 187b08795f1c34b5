// What is known of the hosts around us: asked for, resolved, or silent. The kernel does the asking and tells the
// outcome; this is the memory of it, with the times that decide when to ask again. Time is an argument; nothing here
// talks to the kernel.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/ip.h"

namespace cardea::dataplane {

class Neighbours {
 public:
  enum class State : uint8_t { kAsked, kResolved, kFailed };
  struct Key {
    uint16_t port = 0;  // index in the plan's ports
    IpAddress address;
    auto operator<=>(const Key&) const = default;
  };
  struct Entry {
    State state = State::kAsked;
    std::array<uint8_t, 6> mac{};
    Instant asked{};  // when the kernel was last asked to resolve it
    Instant since{};  // in this state
  };
  // As the kernel tells it: with a usable link address, without one yet, or given up.
  enum class Report : uint8_t { kReachable, kIncomplete, kFailed, kGone };

  static constexpr std::chrono::milliseconds kAskAgain{1000};  // while there is no answer
  static constexpr std::chrono::milliseconds kFailedFor{
      3000};  // packets are dropped at once for so long, then asked for again
  static constexpr std::chrono::milliseconds kRefresh{
      30000};  // a resolved one is asked for again, before it is forgotten

  explicit Neighbours(uint32_t entries_max) : entries_max_(entries_max) {}

  // Whether the hop table changes by it.
  bool report(const Key& key, Report what, const std::array<uint8_t, 6>& mac, Instant now);

  // Whether the kernel is to be asked now. False: it was asked a moment ago, is known, or there is no room to remember.
  bool ask(const Key& key, Instant now);

  struct Due {
    std::vector<Key> ask;  // to be asked for again
    bool changed = false;  // the hop table changes: failures that were forgotten
  };
  Due tick(Instant now);

  // The neighbours that the plan needs: always asked for, never forgotten while needed.
  void need(std::set<Key> keys) { needed_ = std::move(keys); }
  const std::set<Key>& needed() const { return needed_; }

  const Entry* find(const Key& key) const;
  size_t size() const { return entries_.size(); }
  size_t count(State state) const;
  uint64_t refused() const { return refused_; }  // times there was no room

  template <typename Visit>
  void each(Visit visit) const {
    for (const auto& [key, entry] : entries_) visit(key, entry);
  }

 private:
  Entry* find_or_add(const Key& key, Instant now);

  uint32_t entries_max_;
  uint64_t refused_ = 0;
  std::map<Key, Entry> entries_;
  std::set<Key> needed_;
};

}  // namespace cardea::dataplane
