// Whose language a document is written in when it is not ours: people bring the file they have. Asked only about text
// that the parser has refused already.
#pragma once

#include <string_view>

namespace cardea::conf {

// "nginx", "HAProxy", "YAML" or "JSON"; empty: none of them by its first lines.
std::string_view foreign_language(std::string_view text);

}  // namespace cardea::conf
