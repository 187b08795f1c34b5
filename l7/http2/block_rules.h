// What a field of a header block must be to become a line of text.
#pragma once

#include "l7/http/fault.h"
#include "l7/http2/header_block.h"

namespace cardea::l7::http2 {

// As text a field is what it was only where nothing in it ends a line or a name: refused, never stripped (RFC
// 9113 8.2.1, 10.3). The session looks too; it is not what this relies on.
http::Fault judge_field(const Field& field);

}  // namespace cardea::l7::http2
