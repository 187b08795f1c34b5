// Replies that this proxy makes itself: a status, the reason word an operator finds again in the log, a line of text.
#pragma once

#include <span>
#include <string_view>

#include "base/error.h"
#include "l7/http/head.h"
#include "l7/http/header_changes.h"
#include "l7/http/id_header.h"

namespace cardea::l7::http {

struct Reply {
  uint16_t status = 500;
  std::string_view reason_word;        // "no_backend"
  std::string_view proxy_error;        // RFC 9209 2.3, for Proxy-Status; empty: not sent
  Method method = Method::kGet;        // a HEAD gets no body
  Version version = Version::kHttp11;  // the client's
  bool close = true;
  std::string_view date;  // date.h
  HeaderChanges changes{};
  std::string_view line{};                // one more of ours, with its CR LF
  std::string_view body{}, content_type{};  // in place of the line of text; empty: that
  IdHeader id_header{};
  bool grpc = false;      // the answer to a call of gRPC: a 200 whose status is a field
};

// Always enough for a word of up to 64 and an id of 128 under a name of 64, beside what the changes take.
inline constexpr size_t kReplyBytesMax = 768;
Result<std::string_view> write_reply(std::span<char> into, const Reply& reply);

}  // namespace cardea::l7::http
