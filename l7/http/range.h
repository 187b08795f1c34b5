// The Range of a request for bytes (RFC 9110 14.1.2, 14.2): one span of a representation whose length is known. Several
// ranges, another unit and what is no range at all mean the whole, as the RFC allows.
#pragma once

#include <cstdint>
#include <string_view>

#include "l7/http/headers.h"

namespace cardea::l7::http {

struct ByteRange {
  enum class Kind : uint8_t {
    kWhole,
    kPart,
    kUnsatisfiable,  // 416: it begins behind the end
  };
  Kind kind = Kind::kWhole;
  uint64_t first = 0, length = 0;  // of a part
};

ByteRange byte_range(const Headers& request, uint64_t size);

}  // namespace cardea::l7::http
