#include "base/plan_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file_descriptor.h"

namespace cardea::control {

Result<std::vector<std::byte>> read_plan_file(const std::string& path, uint64_t size_max) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno("open " + path);
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return fail_errno("read " + path);
  if (uint64_t(about.st_size) > size_max) return fail(path + ": too large for a plan");
  std::vector<std::byte> content(size_t(about.st_size));
  size_t filled = 0;
  while (filled < content.size()) {
    const ssize_t got = ::read(file.get(), content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read " + path);
    if (got == 0) return fail(path + ": shorter than it was when it was opened");
    filled += size_t(got);
  }
  return content;
}

}  // namespace cardea::control
