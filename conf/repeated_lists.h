// A site may be many files, each with services and pools of its own: a list of the document may be written several times,
// and is one. libconfig knows a name once, so the second `services` is read under a name of its own and joined to the
// first afterwards.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "conf/document.h"

namespace cardea::conf {

// The document with names of its own for lists that are repeated, line for line; nothing: none is.
std::optional<std::string> with_repeated_lists(std::string_view text);
// What was read of such a document, each list one.
void join_repeated_lists(Node& root);

}  // namespace cardea::conf
