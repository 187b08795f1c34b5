#include "l7/http/body.h"

#include <algorithm>

namespace cardea::l7::http {

BodyStep BodyReader::next(std::string_view input) {
  if (framing_.kind == BodyKind::kChunked) return chunks_.next(input);
  if (at_end()) return {.state = BodyStep::State::kEnd};
  if (input.empty()) return {};
  size_t size = input.size();
  if (framing_.kind == BodyKind::kLength) {
    size = size_t(std::min<uint64_t>(framing_.length, size));
    framing_.length -= size;
  }
  return {BodyStep::State::kData, Fault::kNone, size, input.substr(0, size)};
}

bool BodyReader::at_end() const {
  if (framing_.kind == BodyKind::kChunked) return chunks_.at_end();
  return framing_.kind == BodyKind::kNone || (framing_.kind == BodyKind::kLength && framing_.length == 0);
}

}  // namespace cardea::l7::http
