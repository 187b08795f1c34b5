// A bell (base/shared_bell.h) with its own word and eventfd, for a thread that sleeps in epoll.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "base/cache_line.h"
#include "base/check.h"
#include "base/file_descriptor.h"
#include "base/shared_bell.h"

namespace cardea::dataplane {

class Doorbell {
 public:
  Doorbell() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { CHECK(bool(fd_), "eventfd"); }

  int fd() const { return fd_.get(); }

  void ring() { bell().ring(); }
  void arm() { bell().arm(); }
  void disarm() { bell().disarm(); }
  // Owner: after waking, so that the next sleep is one.
  void quiet() {
    uint64_t count;
    [[maybe_unused]] const ssize_t got = ::read(fd_.get(), &count, sizeof count);
  }

 private:
  SharedBell bell() { return {asleep_, fd_.get()}; }

  FileDescriptor fd_;
  alignas(kCacheLinePair) std::atomic<uint32_t> asleep_ = 0;
};

}  // namespace cardea::dataplane
