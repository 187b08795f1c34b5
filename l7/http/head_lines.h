// The pieces that both kinds of head share, over a head whose end is known (head_end.h): lines end in CR LF and nowhere
// else, and no control byte is left in them. Internal to parse_head.
#pragma once

#include <cstring>
#include <optional>
#include <string_view>

#include "l7/http/head_end.h"
#include "l7/http/headers.h"
#include "l7/http/parse_head.h"
#include "l7/http/sender.h"

namespace cardea::l7::http::head_lines {

struct Blame {
  Fault fault = Fault::kNone;
  const char* at = nullptr;
  explicit operator bool() const { return fault != Fault::kNone; }
};

// Waits for the whole head, within the limits. Nothing: `bytes` up to `at` of the answer are a complete head.
HeadProgress whole_head(std::string_view buffer, const HeadLimits& limits, HeadScan& scan);

std::optional<Version> parse_version(std::string_view text, Fault& fault);
// The line that begins at `at`, without CR LF; every line of a whole head has them.
std::string_view line_at(const char* at, const char* end);
// The header lines from `at` to the empty line that ends at `end`. A client's header that looks like one that decides
// framing, or tells who the client is, is to blame; any other look-alike, and a backend's, is kept as what ends here.
Blame parse_headers(const char* at, const char* end, size_t headers_max, Sender sender, Headers& headers);

inline HeadProgress bad(Fault fault, size_t at) {
  return {HeadProgress::State::kBad, fault, at};
}

}  // namespace cardea::l7::http::head_lines
