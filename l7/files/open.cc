#include "l7/files/open.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>

namespace cardea::l7::files {
namespace {

std::expected<FileDescriptor, int> open_at(int folder, const char* path, uint64_t flags, uint64_t resolve, Wait wait) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = resolve | (wait == Wait::kNo ? RESOLVE_CACHED : 0);
  FileDescriptor fd(int(::syscall(SYS_openat2, folder, path, &how, sizeof how)));
  if (!fd) return std::unexpected(errno);
  return fd;
}

int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

// Where a look at a name or a status waits for nobody: over no network and of no process.
constexpr long kXfsMagic = 0x58465342, kZfsMagic = 0x2fc12fc1;  // which linux/magic.h does not have
constexpr long kLocal[] = {EXT4_SUPER_MAGIC, kXfsMagic,  BTRFS_SUPER_MAGIC,     F2FS_SUPER_MAGIC,
                           TMPFS_MAGIC,      RAMFS_MAGIC, OVERLAYFS_SUPER_MAGIC, kZfsMagic};

bool is_local(int fd) {
  struct statfs status;
  return ::fstatfs(fd, &status) == 0 && std::ranges::find(kLocal, long(status.f_type)) != std::end(kLocal);
}

// A FIFO or a device opens without waiting for anybody and is refused here.
std::expected<Opened, int> described(FileDescriptor fd) {
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) return std::unexpected(errno);
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return std::unexpected(ENOENT);
  const bool local = is_local(fd.get());
  return Opened{std::move(fd), S_ISDIR(status.st_mode), uint64_t(status.st_size), nanoseconds(status.st_mtim),
                identity_of(status), local};
}

bool lies_in_memory(int fd) {
  struct statfs status;
  return ::fstatfs(fd, &status) == 0 && (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}

}  // namespace

Identity identity_of(const struct stat& status) {
  return {status.st_dev, status.st_ino, uint64_t(status.st_size), nanoseconds(status.st_ctim)};
}

std::expected<Opened, int> open_beneath(const char* folder, const char* name, Wait wait) {
  auto root = open_at(AT_FDCWD, folder, O_PATH | O_DIRECTORY, 0, wait);
  if (!root) return std::unexpected(root.error());
  auto fd = open_at(root->get(), *name == '\0' ? "." : name, O_RDONLY | O_NONBLOCK | O_NOCTTY,
                    RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, wait);
  if (!fd) return std::unexpected(fd.error() == ENXIO ? ENOENT : fd.error());  // a socket's
  return described(std::move(*fd));
}

// Of the file systems that cannot tell whether they would wait, those in memory never do.
std::expected<size_t, int> read_at(int fd, char* into, size_t size, uint64_t offset, Wait wait) {
  const iovec piece{into, size};
  const ssize_t read = ::preadv2(fd, &piece, 1, off_t(offset), wait == Wait::kNo ? RWF_NOWAIT : 0);
  if (read >= 0) return size_t(read);
  if (wait == Wait::kYes || errno != EOPNOTSUPP) return std::unexpected(errno);
  if (!lies_in_memory(fd)) return std::unexpected(EAGAIN);
  return read_at(fd, into, size, offset, Wait::kYes);
}

bool is_in_memory(int fd, uint64_t offset, size_t size) {
  char byte;
  return read_at(fd, &byte, 1, offset, Wait::kNo) && read_at(fd, &byte, 1, offset + size - 1, Wait::kNo);
}

std::expected<size_t, int> bring(int fd, uint64_t offset, size_t size) {
  std::array<char, 64 * 1024> nobodys;
  for (size_t got = 0; got < size;) {
    const auto read = read_at(fd, nobodys.data(), std::min(nobodys.size(), size - got), offset + got, Wait::kYes);
    if (!read) return read;
    if (*read == 0) return got;
    got += *read;
  }
  return size;
}

}  // namespace cardea::l7::files
