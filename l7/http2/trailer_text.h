// Trailers of a header block as lines of text, as HTTP/1 has them. Which of them go on, whatever they came by, is
// proxy/trailers.h's to say.
#pragma once

#include <string>
#include <string_view>

#include "l7/http2/header_block.h"

namespace cardea::l7::http2 {

// Replaces `into`. False: one of them is malformed, which makes all of the message so (RFC 9113 8.1.1), or they are too many.
bool write_trailer_text(std::string& into, const HeaderBlock& block);

}  // namespace cardea::l7::http2
