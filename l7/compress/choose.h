// Whether an answer is compressed on its way to a client, and with what (RFC 9110 8.4, 12.5.3): from the two heads and the
// operator's word alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "l7/compress/settings.h"
#include "l7/http/head.h"

namespace cardea::l7::compress {

enum class Why : uint8_t {
  kCompressed,
  kStatus,       // it has no body, or a part of one
  kCoded,        // it is already
  kNoTransform,  // the backend or the client wants it as it is
  kType,         // none that is listed
  kPrivate,      // one client's own: what else is in it could be told by its compressed length (BREACH)
  kEntityTag,    // it cannot be made a weak one
  kSmall,
  kOldClient,  // HTTP/1.0 knows neither Vary nor chunks
  kUnwanted,   // the client takes none of the codings, or rather has none
};
std::string_view word(Why why);

struct Choice {
  Why why = Why::kStatus;
  std::optional<Offer> offer;  // where it is compressed
  bool varies = false;         // other clients get it otherwise, and it does not say so yet: Vary
  bool weak_tag = false;       // its ETag is strong, and of what the client does not get or did not have
};

// `length`: of the body, where it is known.
Choice choose(const Settings& settings, const http::RequestHead& request, const http::ResponseHead& response,
              std::optional<uint64_t> length);

}  // namespace cardea::l7::compress
