// Cache-Control (RFC 9111 5.2, RFC 5861, RFC 8246) of a request or a response, all its lines together. Where directives
// repeat or make no sense the answer is the one that stores and serves less.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "l7/http/headers.h"

namespace cardea::l7::http {

struct CacheControl {
  bool no_store = false;
  bool no_cache = false;    // also with field names: they are not stored apart, so the whole response is meant
  bool is_private = false;  // likewise
  bool is_public = false;
  bool must_revalidate = false;
  bool proxy_revalidate = false;
  bool no_transform = false;
  bool only_if_cached = false;
  bool immutable = false;
  bool must_understand = false;
  bool any_staleness = false;  // max-stale without a value
  std::optional<uint32_t> max_age, s_maxage, min_fresh, max_stale, stale_while_revalidate, stale_if_error;

  void add(std::string_view field_value);
};

CacheControl cache_control(const Headers& headers);

}  // namespace cardea::l7::http
