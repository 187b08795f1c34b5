// Trailers of a header block as lines of text, as HTTP/1 has them. Which of them go on, whatever they came by, is
// proxy/trailers.h's to say.
#pragma once

#include <string>
#include <string_view>

#include "l7/http2/header_block.h"

namespace cardea::l7::http2 {

// Replaces `into`. What is malformed is left out.
void write_trailer_text(std::string& into, const HeaderBlock& block);

}  // namespace cardea::l7::http2
