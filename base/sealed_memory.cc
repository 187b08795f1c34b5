// The memfd half of base/control_socket.h: bytes that nobody can change any more.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/control_socket.h"

namespace cardea::control {
namespace {
constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
}  // namespace

Result<FileDescriptor> seal(std::string_view name, Bytes content) {
  FileDescriptor memfd(::memfd_create(std::string(name).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memfd) return fail_errno("make a memfd");
  while (!content.empty()) {
    const ssize_t written = ::write(memfd.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail_errno("fill a memfd");
    content = content.subspan(size_t(written));
  }
  if (::fcntl(memfd.get(), F_ADD_SEALS, kSeals | F_SEAL_SEAL) != 0) return fail_errno("seal a memfd");
  return memfd;
}

Result<SealedMapping> SealedMapping::map(const FileDescriptor& memfd, size_t size_max) {
  const int seals = ::fcntl(memfd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals)
    return fail("the memory that was handed over is not sealed: its sender could still change it");
  struct stat status{};
  if (::fstat(memfd.get(), &status) != 0) return fail_errno("ask the size of a memfd");
  const auto size = uint64_t(status.st_size);
  if (size == 0 || size > size_max)
    return fail(fmt::format("the memory that was handed over has {} bytes, expected 1 to {}", size, size_max));
  // Private: kernels before 6.7 refuse to share a mapping of what is sealed against writing.
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, memfd.get(), 0);
  if (memory == MAP_FAILED) return fail_errno("map a memfd");
  return SealedMapping(static_cast<const std::byte*>(memory), size);
}

SealedMapping::SealedMapping(SealedMapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SealedMapping& SealedMapping::operator=(SealedMapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

SealedMapping::~SealedMapping() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace cardea::control
