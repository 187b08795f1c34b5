// A process that is short of descriptors, on purpose. The undefined behaviour sanitizer looks at an object's type
// through a pipe the first time: what a test uses while it has none left, it has to have used before.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <vector>

#include "base/file_descriptor.h"

namespace cardea {

// While it lives, this process can open so many descriptors more.
class DescriptorsLeft {
 public:
  explicit DescriptorsLeft(size_t count) {
    getrlimit(RLIMIT_NOFILE, &before_);
    std::vector<FileDescriptor> next;
    for (size_t i = 0; i <= count; ++i) next.emplace_back(dup(0));
    const rlimit few{.rlim_cur = rlim_t(next.back().get()), .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
  }
  DescriptorsLeft(const DescriptorsLeft&) = delete;
  ~DescriptorsLeft() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace cardea
