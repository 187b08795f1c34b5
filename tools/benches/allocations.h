// Counts what is asked of the heap: malloc and its family in the whole process, new included.
#pragma once

#include <cstdint>

namespace cardea::bench {
uint64_t allocations();  // so far
}
