#include "mgmt/whole_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file_descriptor.h"

namespace cardea::mgmt {
namespace {

constexpr size_t kFileBytesMax = size_t{64} << 20;  // 65,536 backends need about 20 MB of runtime.json

Result<> write_all(int fd, Bytes content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno("write");
    content = content.subspan(size_t(written));
  }
  return {};
}

Result<> sync_folder(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return fail_errno("sync " + folder);
  return {};
}

Result<> write_beside(const std::string& beside, Bytes content) {
  FileDescriptor fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!fd) return fail_errno("create " + beside);
  if (auto written = write_all(fd.get(), content); !written)
    return std::unexpected(std::move(written.error()).in(beside));
  if (::fsync(fd.get()) != 0) return fail_errno("sync " + beside);
  return {};
}

}  // namespace

Result<> write_file_whole(const std::string& path, Bytes content) {
  const std::string beside = path + ".new";
  if (auto written = write_beside(beside, content); !written) return written;
  if (::rename(beside.c_str(), path.c_str()) != 0) return fail_errno("rename to " + path);
  return sync_folder(path);
}

Result<std::string> read_whole_file(const std::string& path) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno("open " + path);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno("examine " + path);
  if (!S_ISREG(status.st_mode)) return fail(path + " is not a file");
  if (size_t(status.st_size) > kFileBytesMax)
    return fail(fmt::format("{} has more than {} bytes", path, kFileBytesMax));
  std::string content(size_t(status.st_size), '\0');
  size_t filled = 0;
  while (filled < content.size()) {
    const ssize_t got = ::read(fd.get(), content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read " + path);
    if (got == 0) break;
    filled += size_t(got);
  }
  content.resize(filled);
  return content;
}

}  // namespace cardea::mgmt
