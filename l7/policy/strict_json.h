// JSON of outside that decides who somebody is: an object in which no name stands twice, whose second one another reader
// would take, and that is not nested deeply.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace cardea::l7::policy {

// Discarded (is_discarded()) where it is no such object.
nlohmann::json read_object(std::string_view text);

}  // namespace cardea::l7::policy
