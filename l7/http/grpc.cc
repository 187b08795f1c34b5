#include "l7/http/grpc.h"

#include "l7/http/fields.h"

namespace cardea::l7::http {

bool is_grpc(std::string_view content_type) {
  constexpr std::string_view kType = "application/grpc";
  if (!equal_without_case(content_type.substr(0, kType.size()), kType)) return false;
  const std::string_view behind = content_type.substr(kType.size());
  return behind.empty() || behind[0] == '+' || behind[0] == ';' || behind[0] == ' ';
}

// As clients would read the bare status (doc/http-grpc-status-mapping.md), and closer where it is ours to say: time-outs,
// limits, and routes that there are none of.
uint8_t grpc_status(uint16_t status) {
  enum : uint8_t {
    kUnknown = 2,
    kDeadlineExceeded = 4,
    kPermissionDenied = 7,
    kResourceExhausted = 8,
    kUnimplemented = 12,
    kInternal = 13,
    kUnavailable = 14,
    kUnauthenticated = 16
  };
  switch (status) {
    case 400:
      return kInternal;
    case 401:
      return kUnauthenticated;
    case 403:
      return kPermissionDenied;
    case 404:
    case 501:
      return kUnimplemented;
    case 408:
    case 504:
      return kDeadlineExceeded;
    case 413:
    case 414:
    case 429:
    case 431:
      return kResourceExhausted;
    case 421:
    case 502:
    case 503:
      return kUnavailable;
    default:
      return kUnknown;
  }
}

}  // namespace cardea::l7::http
