// The reading of answers to health checks: whatever a backend sends, in whatever pieces, it is decided the same, within
// the limits, and a decision stays.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "mgmt/health/http_answer.h"

using cardea::mgmt::health::Expectation;
using cardea::mgmt::health::HttpAnswer;

// First byte: how the rest is cut into pieces (0: not at all), bit 7: a body is expected.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = data[0] & 0x7f;
  const Expectation expectation{{200, 204}, (data[0] & 0x80) != 0 ? "ready" : ""};
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);

  HttpAnswer whole(expectation), pieces(expectation);
  whole.feed(input);
  for (size_t at = 0; piece != 0 && at < input.size(); at += piece) pieces.feed(input.substr(at, piece));
  if (piece == 0) pieces.feed(input);
  if (input.size() < HttpAnswer::kHeadMax) CHECK(whole.state() == pieces.state());
  // A chunk of one byte costs its server 21 at most, and extensions and trailers are bounded by 24 KB together.
  constexpr size_t kReadMax = HttpAnswer::kHeadMax + 21 * HttpAnswer::kBodyMax + (24 << 10);
  if (input.size() > kReadMax) CHECK(whole.state() != HttpAnswer::State::kReading);

  const auto decided = whole.state();
  whole.closed();
  CHECK(whole.state() != HttpAnswer::State::kReading);
  CHECK(decided == HttpAnswer::State::kReading || whole.state() == decided);
  CHECK((whole.state() == HttpAnswer::State::kFailed) == !whole.reason().empty());
  return 0;
}
