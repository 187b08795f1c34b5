// Heads of answers that do not come from a backend, made in the exchange's arena.
#pragma once

#include <cstdint>
#include <string_view>

#include "l7/http/head.h"
#include "l7/http/range.h"

namespace cardea::l7::proxy {

class Exchange;

// One header, its name and value as a line of the arena's.
void add_header(Exchange& exchange, http::Headers& headers, http::HeaderId id, std::string_view name,
                std::string_view value);
// "bytes 0-99/1000"; of what cannot be satisfied "bytes */1000".
std::string_view content_range(Exchange& exchange, const http::ByteRange& range, uint64_t size);
// In the client's protocol, before a body of this length; nobody's but ours, so without Via.
std::string_view write_own_head(Exchange& exchange, const http::ResponseHead& head, uint64_t length,
                                std::string_view content_range = {});

}  // namespace cardea::l7::proxy
