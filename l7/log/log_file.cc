#include "l7/log/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

namespace cardea::l7 {
namespace {

Result<FileDescriptor> copy_of(int standard, const char* name) {
  FileDescriptor copy(::fcntl(standard, F_DUPFD_CLOEXEC, 3));
  if (!copy) return fail_errno(std::string("use ") + name + " as an access log");
  return copy;
}

Result<FileDescriptor> open_path(const std::string& path) {
  struct stat found {};
  const bool fifo = ::stat(path.c_str(), &found) == 0 && S_ISFIFO(found.st_mode);
  const int flags = fifo ? O_RDWR | O_NONBLOCK : O_WRONLY | O_APPEND | O_CREAT;
  FileDescriptor file(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0640));
  if (!file) return fail_errno("open the access log " + path);
  return file;
}

std::string old_name(const std::string& path, uint32_t number) {
  return path + "." + std::to_string(number);
}

// The oldest is written over. What is not there yet is no mistake.
bool move_up(const std::string& path, uint32_t kept) {
  for (uint32_t number = kept; number > 1; --number)
    if (::rename(old_name(path, number - 1).c_str(), old_name(path, number).c_str()) != 0 && errno != ENOENT) return false;
  return ::rename(path.c_str(), old_name(path, 1).c_str()) == 0;
}

}  // namespace

Result<LogFile> LogFile::open(const LogTarget& target) {
  auto file = target.kind == LogTarget::Kind::kStandardError    ? copy_of(STDERR_FILENO, "stderr")
              : target.kind == LogTarget::Kind::kStandardOutput ? copy_of(STDOUT_FILENO, "stdout")
                                                                : open_path(target.path);
  if (!file) return std::unexpected(std::move(file.error()));
  LogFile opened;
  opened.target_ = target;
  opened.file_ = std::move(*file);
  struct stat found {};
  const bool regular = ::fstat(opened.fd(), &found) == 0 && S_ISREG(found.st_mode);
  if (!regular) opened.target_.rotate_bytes = 0;
  opened.size_ = regular ? uint64_t(found.st_size) : 0;
  return opened;
}

ssize_t LogFile::write(std::string_view text) {
  const ssize_t written = ::write(fd(), text.data(), text.size());
  if (written > 0) size_ += uint64_t(written);
  return written;
}

Result<> LogFile::rotate_if_due() {
  if (target_.rotate_bytes == 0 || size_ < target_.rotate_bytes) return {};
  size_ = 0;  // tried again when as much has come once more
  if (!move_up(target_.path, target_.rotate_keep)) return fail_errno("rotate the access log " + target_.path);
  auto next = open(target_);
  if (!next) return std::unexpected(std::move(next.error()));
  *this = std::move(*next);
  return {};
}

}  // namespace cardea::l7
