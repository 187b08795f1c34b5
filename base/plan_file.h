// A plan as it is stored beside the process that runs it, so that the process starts without whoever compiled it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace cardea::control {

// The whole file. What it holds is not looked at; larger than `size_max` it is no plan.
Result<std::vector<std::byte>> read_plan_file(const std::string& path, uint64_t size_max);

}  // namespace cardea::control
