// The head of a stored response as bytes that parse again: what the backend sent without what was for one connection,
// with its length and its date; and the same with what a 304 says anew (RFC 9111 3.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "l7/http/head.h"

namespace cardea::l7::cache {

// Everything but the end, which wants to know the length. Nothing where the head cannot be kept.
std::optional<std::string> begin_stored_head(const http::ResponseHead& response, int64_t now);
void end_stored_head(std::string& head, uint64_t length);

// `stored`'s head with the headers of a 304 in place of those of the same names; likewise without its end.
std::optional<std::string> begin_refreshed_head(const http::ResponseHead& stored,
                                                const http::ResponseHead& not_modified, int64_t now);

// Bytes that this file wrote.
void parse_stored_head(std::string_view bytes, http::ResponseHead& head);

}  // namespace cardea::l7::cache
