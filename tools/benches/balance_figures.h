// What choosing a backend costs.
#pragma once

#include <functional>

namespace cardea::l7 {

using Figure = std::function<void(const char* name, const std::function<void(size_t i)>& once)>;

// Calls `measure` for each way to balance, over ten backends.
void balance_figures(const Figure& measure);

}  // namespace cardea::l7
