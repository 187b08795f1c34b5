// Waking a thread that sleeps in epoll: an eventfd, rung only when its owner said that it sleeps, so that handing
// packets to a busy thread costs a fence and a load. The owner arms it, looks at its queues once more, and only then
// sleeps.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "base/cache_line.h"
#include "base/check.h"
#include "base/file_descriptor.h"

namespace cardea::dataplane {

class Doorbell {
 public:
  Doorbell() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { CHECK(bool(fd_), "eventfd"); }

  int fd() const { return fd_.get(); }

  // Anyone, after putting something where the owner will look.
  void ring() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (asleep_.load(std::memory_order_relaxed) && asleep_.exchange(false, std::memory_order_relaxed)) strike();
  }

  // Owner: from here on, what is put into its queues will wake it. It must look at them once before it sleeps.
  void arm() {
    asleep_.store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  void disarm() { asleep_.store(false, std::memory_order_relaxed); }
  // Owner: after waking, so that the next sleep is one.
  void quiet() {
    uint64_t count;
    [[maybe_unused]] const ssize_t got = ::read(fd_.get(), &count, sizeof count);
  }

 private:
  void strike() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = ::write(fd_.get(), &one, sizeof one);
  }

  FileDescriptor fd_;
  alignas(kCacheLinePair) std::atomic<bool> asleep_ = false;
};

}  // namespace cardea::dataplane
