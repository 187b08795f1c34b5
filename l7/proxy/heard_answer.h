// What is kept of an answer to an exchange of nobody's, for whoever wants to know it: its head without what ends at this
// hop, and its body up to a bound.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "l7/http/connection.h"
#include "l7/http/head.h"
#include "l7/runtime/loop.h"

namespace cardea::l7::proxy {

class HeardAnswer {
 public:
  static constexpr size_t kBodyMax = 64 << 10;
  // Of an answer of which nothing is kept, that much is read for its connection's sake, and for no longer than that: an event
  // stream never ends.
  static constexpr std::chrono::seconds kBodyTime{10};
  enum class Keep : bool { kNothing, kAll };

  explicit HeardAnswer(Keep keep = Keep::kAll) : keep_(keep) {}

  void hear(const http::ResponseHead& head, const http::ConnectionOptions& options, Instant now);
  void hear_body(std::span<const iovec> pieces, Instant now);
  // Whether the rest of the body is worth being waited for.
  bool wants_more() const { return !too_long_; }

  uint16_t status() const { return status_; }  // 0: there was no answer
  std::string& head() { return head_; }        // "HTTP/1.1 302 \r\nLocation: …\r\n\r\n"
  std::string& body() { return body_; }        // empty where it was longer than that
  bool too_long() const { return too_long_; }

 private:
  const Keep keep_;
  uint16_t status_ = 0;
  Instant heard_at_{};
  size_t body_bytes_ = 0;
  std::string head_, body_;
  bool too_long_ = false;
};

}  // namespace cardea::l7::proxy
