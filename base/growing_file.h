// A file of memory (on tmpfs) that is mapped at the largest size it may reach and takes its memory piece by piece, so
// that a generous limit costs nothing until it is used. Taking comes before touching: a full /dev/shm is an Error there
// and never a SIGBUS in a thread that counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace cardea {

class GrowingFile {
 public:
  // Makes the file, which must not be there; it is `size` bytes long and has no memory yet.
  static Result<GrowingFile> create(const std::string& path, uint64_t size, unsigned mode);
  GrowingFile() = default;
  GrowingFile(GrowingFile&& other) noexcept { *this = std::move(other); }
  GrowingFile& operator=(GrowingFile&& other) noexcept;
  ~GrowingFile();

  std::byte* memory() const { return memory_; }
  uint64_t size() const { return size_; }
  // From here on these bytes may be touched; they are zero. Again does nothing.
  Result<> take(uint64_t offset, uint64_t bytes);

 private:
  FileDescriptor file_;
  std::string path_;
  std::byte* memory_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace cardea
