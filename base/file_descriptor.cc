#include "base/file_descriptor.h"

#include <unistd.h>

#include <cerrno>

namespace cardea {

// Errors of close() are left alone: Linux has released the number whatever it answers, and what was written through it
// has been checked by whoever wrote. errno stays as it was, so that a failing function may close before it reports.
void FileDescriptor::close() {
  if (fd_ < 0) return;
  const int before = errno;
  ::close(std::exchange(fd_, -1));
  errno = before;
}

}  // namespace cardea
