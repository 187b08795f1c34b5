#include "l7/http/forwarding.h"

#include "l7/http/fields.h"

namespace cardea::l7::http {

bool tells_of_forwarding(const Header& header) {
  constexpr std::string_view kFront = "X-Forwarded";
  return header.id() == HeaderId::kOther && same_letters(header.name().substr(0, kFront.size()), kFront);
}

}  // namespace cardea::l7::http
