// Text from outside put between double quotes: the form libconfig reads back (`text_literal`), and the form people read
// in a message (`in_quotes`), which shortens what is long. Neither lets a control character through to a terminal.
#pragma once

#include <string>
#include <string_view>

namespace cardea::conf {

std::string in_quotes(std::string_view text);     // at most some 60 characters of it
std::string text_literal(std::string_view text);  // all of it

}  // namespace cardea::conf
