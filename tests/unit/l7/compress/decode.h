// What a client makes of a compressed body, by the codings' own libraries. Nothing: it is broken, or not all of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "l7/compress/coding.h"

namespace cardea::l7::compress::test {

std::optional<std::string> decode(Coding coding, std::string_view body);
// What can be read of it by now.
std::string decode_begun(Coding coding, std::string_view body);

}  // namespace cardea::l7::compress::test
