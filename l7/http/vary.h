// Vary (RFC 9110 12.5.5): which request headers chose this response, as names to compare, in every line of it.
#pragma once

#include <string_view>

#include "l7/http/fields.h"
#include "l7/http/headers.h"

namespace cardea::l7::http {

enum class Vary : unsigned char { kNothing, kNames, kEverything };

// kEverything: "*", or a name that is none: no other request can be served with this response.
Vary vary_of(const Headers& response);

// Calls `each(name)` for every name, with repetitions.
template <typename Each>
void for_each_varying(const Headers& response, Each each) {
  for (const Header& header : response) {
    if (header.id() != HeaderId::kVary) continue;
    std::string_view list = header.value();
    while (const auto name = next_element(list)) each(*name);
  }
}

}  // namespace cardea::l7::http
