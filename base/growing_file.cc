#include "base/growing_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/check.h"

namespace cardea {
namespace {
constexpr uint64_t kPage = 4096;
}

Result<GrowingFile> GrowingFile::create(const std::string& path, uint64_t size, unsigned mode) {
  GrowingFile made;
  made.path_ = path;
  made.file_ = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!made.file_) return fail_errno("create " + path);
  if (::fchmod(made.file_.get(), mode) != 0) return fail_errno("change the mode of " + path);
  if (::ftruncate(made.file_.get(), off_t(size)) != 0)
    return fail_errno(fmt::format("make {} {} bytes long", path, size));
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, made.file_.get(), 0);
  if (memory == MAP_FAILED) return fail_errno("map " + path);
  made.memory_ = static_cast<std::byte*>(memory);
  made.size_ = size;
  return made;
}

GrowingFile& GrowingFile::operator=(GrowingFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(path_, other.path_);
  std::swap(memory_, other.memory_);
  std::swap(size_, other.size_);
  return *this;
}

GrowingFile::~GrowingFile() {
  if (memory_ != nullptr) ::munmap(memory_, size_);
}

// Whole pages. Entering them into the page table now saves a data core the fault; a kernel before 5.14 lets it happen.
Result<> GrowingFile::take(uint64_t offset, uint64_t bytes) {
  CHECK(offset <= size_ && bytes <= size_ - offset);
  if (bytes == 0) return {};
  if (const int error = ::posix_fallocate(file_.get(), off_t(offset), off_t(bytes)); error != 0)
    return fail_errno(fmt::format("reserve {} bytes of {}", bytes, path_), error);
  const uint64_t first = offset / kPage * kPage;
  ::madvise(memory_ + first, offset + bytes - first, MADV_POPULATE_WRITE);
  return {};
}

}  // namespace cardea
