#include "l7/compress/coding.h"

#include <algorithm>

namespace cardea::l7::compress {

std::optional<Coding> coding_of(std::string_view text) {
  const auto found = std::ranges::find(kCodings, text, name);
  return found == kCodings.end() ? std::nullopt : std::optional(*found);
}

}  // namespace cardea::l7::compress
