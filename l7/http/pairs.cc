#include "l7/http/pairs.h"

#include <algorithm>

#include "l7/http/fields.h"

namespace cardea::l7::http {

std::optional<Pair> next_pair(std::string_view& pairs, char separator) {
  while (!pairs.empty()) {
    const size_t end = std::min(pairs.find(separator), pairs.size());
    const std::string_view pair = trim(pairs.substr(0, end));
    pairs.remove_prefix(std::min(end + 1, pairs.size()));
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    return Pair{pair.substr(0, equals), equals == pair.npos ? std::string_view() : pair.substr(equals + 1)};
  }
  return std::nullopt;
}

std::optional<std::string_view> find_cookie(const Headers& headers, std::string_view name) {
  if (!headers.has(HeaderId::kCookie)) return std::nullopt;
  for (const Header& header : headers) {
    if (header.id() != HeaderId::kCookie) continue;
    std::string_view pairs = header.value();
    while (const auto pair = next_pair(pairs, ';'))
      if (pair->name == name) return pair->value;
  }
  return std::nullopt;
}

}  // namespace cardea::l7::http
