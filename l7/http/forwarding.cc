#include "l7/http/forwarding.h"

#include "l7/http/fields.h"

namespace cardea::l7::http {

bool tells_of_forwarding(const Header& header, std::string_view chosen) {
  constexpr std::string_view kFront = "X-Forwarded";
  if (header.id() != HeaderId::kOther) return false;
  return same_letters(header.name().substr(0, kFront.size()), kFront) || same_letters(header.name(), chosen);
}

}  // namespace cardea::l7::http
