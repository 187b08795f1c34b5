// Trailers of a header block as lines of text, such as may go on: what frames, routes, authorises or describes a message
// must have stood before its body (RFC 9110 6.5.1), so no header that any room of ours looks at is one.
#pragma once

#include <string>
#include <string_view>

#include "l7/http2/header_block.h"

namespace cardea::l7::http2 {

bool may_be_trailer(std::string_view name);

// Replaces `into`. What is malformed or may be no trailer is left out.
void write_trailer_text(std::string& into, const HeaderBlock& block);

}  // namespace cardea::l7::http2
