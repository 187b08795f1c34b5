// What the parser and the framing decide about a message, as one word, however its bytes arrive; and the whole head as
// text, for comparing two readings of it.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>

#include "l7/http/connection.h"
#include "l7/http/framing.h"
#include "l7/http/parse_head.h"

namespace cardea::l7::http::test {

inline std::string framing_word(const std::expected<BodyFraming, Fault>& framing) {
  if (!framing) return std::string(word(framing.error()));
  switch (framing->kind) {
    case BodyKind::kNone:
      return "ok none";
    case BodyKind::kLength:
      return fmt::format("ok length {}", framing->length);
    case BodyKind::kChunked:
      return "ok chunked";
    case BodyKind::kUntilClose:
      return "ok until_close";
    case BodyKind::kTunnel:
      return "ok tunnel";
  }
  return "?";
}

inline std::string request_verdict(const HeadProgress& progress, const RequestHead& head) {
  if (progress.bad()) return std::string(word(progress.fault));
  if (!progress.done()) return "need_more";
  if (const auto options = connection_options(head.headers); !options) return std::string(word(options.error()));
  return framing_word(request_body(head));
}

// All at once, and byte by byte out of a buffer that moves: `at` and verdict must agree.
inline HeadProgress parse_bytewise(std::string_view bytes, const HeadLimits& limits, RequestHead& head,
                                   std::string& moved) {
  HeadScan scan;
  HeadProgress progress;
  for (size_t size = 0; size <= bytes.size() && progress.state == HeadProgress::State::kNeedMore; ++size) {
    moved = std::string(bytes.substr(0, size));
    progress = parse_request_head(moved, limits, scan, head);
  }
  return progress;
}

inline std::string describe(const Headers& headers) {
  std::string text;
  for (const Header& header : headers)
    text += fmt::format("{}={}={}\n", header.name(), header.value(), int(header.id()));
  return text;
}

inline std::string describe(const RequestHead& head) {
  return fmt::format("{} {} {} [{}] [{}] {} [{}] [{}] [{}] {}\n{}", head.method_text, int(head.method), int(head.form),
                     head.target, head.path, head.has_query, head.query, head.authority.text, head.authority.host,
                     head.authority.port, describe(head.headers));
}

}  // namespace cardea::l7::http::test
