#include "conf/config.h"

#include <fmt/format.h>

namespace cardea::conf {

std::string Service::route_name(size_t index) const {
  return routes[index].name.empty() ? fmt::format("{}[{}]", name, index) : routes[index].name;
}

}  // namespace cardea::conf
