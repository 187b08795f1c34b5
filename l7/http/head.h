// Heads of requests and responses after the door: views into the connection's buffer, which must stay where it is while
// they are used. What is in them was checked byte by byte (parse_head.h); no accessor can fail.
#pragma once

#include <cstdint>
#include <string_view>

#include "l7/http/headers.h"

namespace cardea::l7::http {

enum class Method : uint8_t { kOther, kGet, kHead, kPost, kPut, kDelete, kConnect, kOptions, kTrace, kPatch };
enum class Version : uint8_t { kHttp10, kHttp11, kHttp20 };
// RFC 9112 3.2.
enum class TargetForm : uint8_t { kOrigin, kAbsolute, kAuthority, kAsterisk };

// Methods whose repetition changes nothing (RFC 9110 9.2.2), so that a lost exchange may be tried elsewhere.
constexpr bool is_idempotent(Method method) {
  return method != Method::kOther && method != Method::kPost && method != Method::kPatch && method != Method::kConnect;
}

// Host and port as written: "shop.com:8443", "[2001:db8::1]".
struct Authority {
  std::string_view text;  // as it goes into a Host header
  std::string_view host;  // without port and brackets, in the client's case
  uint16_t port = 0;      // 0: none given
};

struct RequestHead {
  Method method = Method::kOther;
  Version version = Version::kHttp11;
  TargetForm form = TargetForm::kOrigin;
  bool has_query = false;
  std::string_view method_text;
  std::string_view target;  // as it stood in the request line
  std::string_view path;    // "/…", or "*"; "/" where an absolute form has none
  std::string_view query;   // behind the '?'
  std::string_view scheme;  // of an absolute form
  Authority authority;      // the target's, else Host's; empty only in HTTP/1.0 without Host
  Headers headers;
};

struct ResponseHead {
  Version version = Version::kHttp11;
  uint16_t status = 0;  // 100 to 599
  std::string_view reason;
  Headers headers;
};

}  // namespace cardea::l7::http
