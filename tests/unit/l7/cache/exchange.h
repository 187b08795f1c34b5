// Requests and responses as text, asked of a real cache: what its tests have in common.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "l7/cache/cache.h"
#include "l7/http/framing.h"
#include "l7/http/parse_head.h"

namespace cardea::l7::cache::test {

inline constexpr int64_t kNow = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT

// "GET /a", further header lines with their CR LF. Host is shop.com unless one is given.
class Asked {
 public:
  explicit Asked(std::string_view line, std::string_view headers = "", int64_t now = kNow) : text_(line) {
    text_.append(" HTTP/1.1\r\n");
    if (headers.find("Host: ") == headers.npos) text_.append("Host: shop.com\r\n");
    text_.append(headers).append("\r\n");
    http::HeadScan scan;
    EXPECT_TRUE(http::parse_request_head(text_, {}, scan, head_).done()) << text_;
    const auto options = http::connection_options(head_.headers);
    EXPECT_TRUE(options) << text_;
    if (options) options_ = *options;
    request_ = {&head_, &options_, "https", 443, head_.path, "web", now};
  }
  Asked(const Asked&) = delete;
  Asked& pool(std::string_view name) { return request_.pool = name, *this; }
  Asked& scheme(std::string_view name) { return request_.scheme = name, *this; }
  Asked& port(uint16_t number) { return request_.port = number, *this; }
  Asked& at(int64_t now) { return request_.now = now, *this; }
  Asked& since(uint64_t lookup) { return request_.since = lookup, *this; }
  const Request& operator*() const { return request_; }
  const http::RequestHead& head() const { return head_; }

 private:
  std::string text_;
  http::RequestHead head_;
  http::ConnectionOptions options_;
  Request request_;
};

// A response's head: "200 OK" and header lines with their CR LF.
class Answer {
 public:
  explicit Answer(std::string_view status, std::string_view headers = "") : text_("HTTP/1.1 ") {
    text_.append(status).append("\r\n").append(headers).append("\r\n");
    http::HeadScan scan;
    EXPECT_TRUE(http::parse_response_head(text_, {}, scan, head_).done()) << text_;
  }
  Answer(const Answer&) = delete;
  const http::ResponseHead& operator*() const { return head_; }

 private:
  std::string text_;
  http::ResponseHead head_;
};

inline http::BodyFraming length(uint64_t bytes) { return {http::BodyKind::kLength, bytes}; }
inline constexpr http::BodyFraming kChunked{http::BodyKind::kChunked, 0};

// Whether it was let in, looked up first as an exchange does.
inline bool store(Cache& cache, const Asked& asked, std::string_view body, std::string_view headers,
                  std::string_view status = "200 OK") {
  const Answer answer(status, headers);
  Request request = *asked;
  request.since = cache.find(request).since;
  const auto writer = cache.begin(request, *answer, length(body.size()));
  if (!writer || !writer->append(body)) return false;
  writer->finish();
  return true;
}

inline std::string body_of(const Object& object) {
  std::string body;
  for (const iovec& piece : stored(object).body) body.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  return body;
}

// "hit BODY", or the result's word.
inline std::string ask(Cache& cache, const Asked& asked) {
  const Lookup lookup = cache.find(*asked);
  if (lookup.result != Result::kHit) return std::string(word(lookup.result));
  return "hit " + body_of(*lookup.object);
}

inline constexpr Limits kRoomy{.memory_bytes = 4 << 20, .object_bytes_max = 1 << 20};

}  // namespace cardea::l7::cache::test
