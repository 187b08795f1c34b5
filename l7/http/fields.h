// Pieces of field values (RFC 9110 5.6): lists with quoted strings in them, tokens compared without case, numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cardea::l7::http {

bool equal_without_case(std::string_view a, std::string_view b);
// Names of headers that are one to CGI and its kin, some of which make "_" of all that is neither letter nor digit
// while others leave it out.
bool same_letters(std::string_view a, std::string_view b);
std::string_view trim(std::string_view text);  // spaces and tabs
bool is_token(std::string_view text);

// One to nineteen digits and nothing else, below 2^63.
std::optional<uint64_t> parse_decimal(std::string_view digits);
// delta-seconds (RFC 9111 1.2.2): what is too large to hold is as large as it gets.
std::optional<uint32_t> parse_seconds(std::string_view digits);

// Takes the next element off a comma-separated list: trimmed, never empty; commas inside quotes do not separate.
// Nothing when the list is used up.
std::optional<std::string_view> next_element(std::string_view& list);

// A quoted string's content as it stands between its quotes; anything else as it is.
std::string_view unquoted(std::string_view text);

}  // namespace cardea::l7::http
