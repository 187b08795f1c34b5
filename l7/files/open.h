// Opening what lies beneath a folder, and nothing else: the kernel refuses ways that lead out of it, by symbolic links
// or otherwise (openat2, RESOLVE_BENEATH), so that a rename in between changes nothing. The folder is looked up each
// time (kept.h has what was opened before): it may be a link that a deployment moves.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <expected>

#include "base/file_descriptor.h"

namespace cardea::l7::files {

enum class Wait : uint8_t {
  kNo,   // only as far as the kernel has the names in memory
  kYes,  // for the disk
};

// Which file, and as of when: another one, another content, other rights are another identity.
struct Identity {
  uint64_t device = 0, inode = 0, size = 0;
  int64_t changed_ns = 0;
  bool operator==(const Identity&) const = default;
};
Identity identity_of(const struct stat& status);

struct Opened {
  FileDescriptor fd;
  bool is_folder = false;
  uint64_t size = 0;
  int64_t modified_ns = 0;  // since 1970
  Identity identity{};
  bool is_local = false;  // on a file system that waits neither for a network nor for a process
};

// `name`: relative, NUL behind it; "": the folder itself. An errno: EAGAIN of Wait::kNo means that it has to be waited
// for; ENOENT too for what is neither file nor folder.
std::expected<Opened, int> open_beneath(const char* folder, const char* name, Wait wait);

// Up to `size` bytes at this offset; 0: the file ends there. An errno: EAGAIN of Wait::kNo as above.
std::expected<size_t, int> read_at(int fd, char* into, size_t size, uint64_t offset, Wait wait);

// Whether this part of a file is in memory, as far as its ends tell. Else bring() waits for it.
bool is_in_memory(int fd, uint64_t offset, size_t size);
std::expected<size_t, int> bring(int fd, uint64_t offset, size_t size);  // how much there was

}  // namespace cardea::l7::files
