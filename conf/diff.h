// What changes from one Config to another, in the operator's words: "pool web: backend 10.0.0.13:8080 added". Pools,
// backends, services and ports are matched by name, whatever their order.
#pragma once

#include <string>
#include <vector>

#include "conf/config.h"
#include "conf/schema.h"

namespace cardea::conf {

struct Change {
  std::string text;
  Restart restart = Restart::kNone;  // what has to be restarted before the change takes effect
};

std::vector<Change> diff(const Config& before, const Config& after);

// "pool web: backend 10.0.0.13:8080 added", or with "(takes effect when cardea-dataplane is restarted)" behind it.
std::string text_of(const Change& change);

// All of them, 200 lines at most: behind the first, the last line says how many there are more. What needs a restart
// comes first then, in its order.
std::vector<std::string> texts_of(const std::vector<Change>& changes);

}  // namespace cardea::conf
