#include "l7/http/vary.h"

namespace cardea::l7::http {

Vary vary_of(const Headers& response) {
  Vary vary = Vary::kNothing;
  for_each_varying(response, [&vary](std::string_view name) {
    if (name == "*" || !is_token(name)) {
      vary = Vary::kEverything;
    } else if (vary == Vary::kNothing) {
      vary = Vary::kNames;
    }
  });
  return vary;
}

}  // namespace cardea::l7::http
