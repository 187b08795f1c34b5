// libconfig reads whole numbers as 32 bits unless an L follows them, and cuts off the rest without a word: 4294967297
// would be 1. Here every number that does not fit gets its L, and one beyond 64 bits becomes the largest there is; so a
// setting's range is what refuses it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cardea::conf {

// The document with such numbers written anew, line for line; nothing: it has none.
std::optional<std::string> with_wide_numbers(std::string_view text);

// The first number of a line that has more digits than 64 bits hold, for messages; cut at 40.
std::string digits_beyond_64_bits(std::string_view line);

}  // namespace cardea::conf
