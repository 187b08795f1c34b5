#include "l7/policy/read_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file_descriptor.h"

namespace cardea::l7::policy {

namespace {

Result<std::string> read(const std::string& path, size_t bytes_max, bool secret) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) return fail_errno("read " + path);
  if (!S_ISREG(status.st_mode)) return fail(path + " is no file", Origin::kOperator);
  if (secret && (status.st_mode & S_IRWXO) != 0)
    return fail(path + " is open to every user of this host: chmod o= takes that away", Origin::kOperator);
  if (size_t(status.st_size) > bytes_max)
    return fail(fmt::format("{} has {} bytes, {} are possible", path, status.st_size, bytes_max), Origin::kOperator);
  std::string text(size_t(status.st_size), '\0');
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::pread(file.get(), text.data() + done, text.size() - done, off_t(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read " + path);
    if (got == 0) break;
    done += size_t(got);
  }
  text.resize(done);
  return text;
}

}  // namespace

Result<std::string> read_file(const std::string& path, size_t bytes_max) {
  return read(path, bytes_max, false);
}

Result<std::string> read_secret_file(const std::string& path, size_t bytes_max) {
  return read(path, bytes_max, true);
}

}  // namespace cardea::l7::policy
