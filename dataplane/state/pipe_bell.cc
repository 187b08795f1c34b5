#include "dataplane/state/pipe_bell.h"

#include <fcntl.h>
#include <unistd.h>

namespace cardea::dataplane {

Result<std::vector<PipeBell>> make_bells(size_t count) {
  std::vector<PipeBell> bells;
  while (bells.size() < count) {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return fail_errno("make a bell of the door to cardea-l7");
    bells.push_back({.ring = FileDescriptor(ends[1]), .heard = FileDescriptor(ends[0])});
  }
  return bells;
}

}  // namespace cardea::dataplane
