// Judges a server's answer to a health check as its bytes come in, and says as early as it can whether it passes: the
// status against the list of expected ones, then the body for a piece of text. What HTTP is the proxy's own parser says
// (l7/http), so a backend that is up here is one whose answers clients get. No I/O. What it keeps is bounded: 64 KB of
// heads, 64 KB of body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "l7/http/body.h"
#include "l7/http/parse_head.h"

namespace cardea::mgmt::health {

struct Expectation {
  std::vector<uint16_t> statuses;
  std::string body;  // must occur in the first 64 KB of the body; empty: any body
};

class HttpAnswer {
 public:
  static constexpr size_t kHeadMax = 64 << 10, kBodyMax = 64 << 10;

  enum class State : uint8_t { kReading, kPassed, kFailed };

  // `expectation` has to outlive this object.
  explicit HttpAnswer(const Expectation& expectation) : expectation_(expectation) {}

  // Both do nothing once the answer is decided.
  State feed(std::string_view bytes);
  State closed();  // the server closed the connection in good order

  State state() const { return state_; }
  const std::string& reason() const { return reason_; }  // why it failed
  std::optional<uint16_t> status() const { return status_; }

 private:
  bool step();  // consumes some of input_; false: needs more bytes or is decided
  bool read_head();
  bool judge_head(const l7::http::ResponseHead& head);
  bool read_body();
  bool look_in_body(std::string_view piece);
  bool refuse_head(l7::http::Fault fault);
  bool end_of_body();
  bool pass();
  bool fail(std::string reason);
  std::string_view input() const { return std::string_view(input_).substr(consumed_); }

  const Expectation& expectation_;
  State state_ = State::kReading;
  std::string reason_;
  std::optional<uint16_t> status_;
  std::string input_;     // received, not consumed
  size_t consumed_ = 0;   // of input_
  size_t head_size_ = 0;  // bytes of all heads so far, interim ones too
  l7::http::HeadScan scan_;
  std::optional<l7::http::BodyReader> reader_;  // once the head was read
  std::string body_;
};

// What of a server's bytes can stand in a message: printable ASCII, the rest as \xNN, cut at `size_max` bytes.
std::string printable(std::string_view bytes, size_t size_max = 40);

}  // namespace cardea::mgmt::health
