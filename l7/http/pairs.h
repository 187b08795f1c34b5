// "a=1; b=2": a Cookie header's pairs (RFC 6265 4.2), and a query's, which are separated by '&'.
#pragma once

#include <optional>
#include <string_view>

#include "l7/http/headers.h"

namespace cardea::l7::http {

struct Pair {
  std::string_view name, value;  // the value is empty where there is no '='
};

// Takes the next pair off, trimmed, never without a name and a value both. Nothing when they are used up.
std::optional<Pair> next_pair(std::string_view& pairs, char separator);
// The first of that name, compared by case as cookies are.
std::optional<std::string_view> find_cookie(const Headers& headers, std::string_view name);

}  // namespace cardea::l7::http
