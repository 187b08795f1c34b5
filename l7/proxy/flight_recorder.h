// What became of the exchanges that somebody will ask about: the last that failed, the last that were refused, and the
// slowest of the last minutes, each with its decisions, as text made when it ended. Memory is bounded, and touched first
// when it is needed; what strangers can cause at will (refusals) cannot push out what failed. The shard's own thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/clock.h"

namespace cardea::l7::proxy {

struct Record;

class FlightRecorder {
 public:
  enum class Kind : uint8_t { kFailed, kRefused, kSlow };
  static constexpr size_t kFailed = 128, kRefused = 32, kSlow = 32;
  static constexpr size_t kBytes = 4096;                      // of one's text
  static constexpr std::chrono::minutes kSlowFor{10};         // then a faster one takes its place

  FlightRecorder();
  FlightRecorder(const FlightRecorder&) = delete;
  ~FlightRecorder();

  void note(const Record& record);
  // Oldest first; `text` is an object of JSON.
  void each(const std::function<void(Kind, std::string_view text)>& see) const;

 private:
  struct Story;
  struct Shelf;
  void put(Story& story, const Record& record);
  Story* place_among_slow(const Record& record);

  const std::unique_ptr<Shelf> shelf_;
};

std::string_view word(FlightRecorder::Kind kind);

}  // namespace cardea::l7::proxy
