// Trailers: what may follow a body (RFC 9110 6.5), and how its lines are read. What frames, routes, authorises or describes
// a message must have stood before its body (RFC 9110 6.5.1), so no header that any room of ours looks at is one, nor
// anything that reads like it. Nothing of a trailer is ever merged into a head.
#pragma once

#include <string_view>

namespace cardea::l7::http {

bool may_be_trailer(std::string_view name);

struct TrailerField {
  std::string_view name, value;  // without white space around them
};
// Takes the first line off a trailer section that was checked (chunked.h, block_rules.h); all of its lines are whole.
TrailerField next_trailer(std::string_view& section);

}  // namespace cardea::l7::http
