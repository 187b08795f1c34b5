// Lines of a head in HTTP/1, as this proxy writes them, as fields of a header block.
#pragma once

#include <nghttp2/nghttp2.h>

#include <span>
#include <string_view>
#include <vector>

namespace cardea::l7::http2 {

nghttp2_nv field(std::string_view name, std::string_view value);

// Those up to the empty line, but for such as `left_out` names: what is between two hops of HTTP/1 alone. Names become
// lower case where they are.
void append_fields(std::span<char> lines, std::span<const std::string_view> left_out, std::vector<nghttp2_nv>& to);

}  // namespace cardea::l7::http2
