// Which of the known words somebody most likely meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cardea::conf {

// Insertions, deletions, replacements and swaps of neighbours that make one of the other, letters' case ignored
// (optimal string alignment). Texts are cut at 64 characters.
size_t edit_distance(std::string_view one, std::string_view other);

// The word closest to `written`, the first of equals; empty when none is near: more than a third of the letters would
// have to change, and neither begins with the other.
std::string nearest(std::string_view written, const std::vector<std::string>& known);

// What "yes", "off" or "False" stands for: "true" or "false"; empty: none of the two.
std::string boolean_meant(std::string_view written);

// Whether two names are made of the same words, in any order: "max_connections", "connections-max".
bool same_words(std::string_view one, std::string_view other);

// The names that have every word of `written` among theirs, in any order ("timeout": connect_timeout, idle_timeout);
// only those with the very same words where there are any ("max_connections": connections_max).
std::vector<std::string> with_words_of(std::string_view written, const std::vector<std::string>& known);

}  // namespace cardea::conf
