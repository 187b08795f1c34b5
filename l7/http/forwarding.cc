#include "l7/http/forwarding.h"

#include "l7/http/fields.h"

namespace cardea::l7::http {

bool tells_of_forwarding(std::string_view name, std::string_view chosen) {
  constexpr std::string_view kFront = "X-Forwarded";
  return same_letters(name.substr(0, kFront.size()), kFront) || same_letters(name, chosen);
}

bool tells_of_forwarding(const Header& header, std::string_view chosen) {
  return header.id() == HeaderId::kOther && tells_of_forwarding(header.name(), chosen);
}

}  // namespace cardea::l7::http
