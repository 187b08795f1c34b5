// How often this program has called operator new: what a test of "does not allocate" subtracts.
#pragma once

#include <cstdint>

namespace cardea::l7 {
uint64_t allocations();
bool allocations_are_counted();  // not where a sanitizer brings its own operator new
}
