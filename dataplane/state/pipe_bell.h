// A bell between processes: a pipe, of whose ends each side has one. A descriptor's flags are everybody's who was handed
// it, and so is what an eventfd holds: who has both could make a worker wait that rings or hears it.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace cardea::dataplane {

struct PipeBell {
  FileDescriptor ring, heard;  // neither makes who uses it wait
};
Result<std::vector<PipeBell>> make_bells(size_t count);

}  // namespace cardea::dataplane
