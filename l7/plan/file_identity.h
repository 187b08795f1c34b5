// Which file stands at a path, as far as one can see without reading it: another one, or another content, has another
// identity.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

namespace cardea::l7 {

struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  int64_t modified_ns = 0, changed_ns = 0;
  bool operator==(const FileIdentity&) const = default;

  // All zero: there is none.
  static FileIdentity of(const std::string& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return {};
    const auto ns = [](const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; };
    return {found.st_dev, found.st_ino, found.st_size, ns(found.st_mtim), ns(found.st_ctim)};
  }
};

}  // namespace cardea::l7
