// Waking who sleeps: a word that says so and an eventfd, which is rung only then, so that handing something to who is
// awake costs a fence and a load. The owner arms the word, looks at its queues once more, and only then sleeps. Word and
// eventfd are somebody else's, and may be shared by processes.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace cardea {

class SharedBell {
 public:
  SharedBell() = default;
  SharedBell(std::atomic<uint32_t>& asleep, int event_fd) : asleep_(&asleep), fd_(event_fd) {}

  // Anyone, after putting something where the owner will look.
  void ring() const {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (asleep_->load(std::memory_order_relaxed) == 0 || asleep_->exchange(0, std::memory_order_relaxed) == 0) return;
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = ::write(fd_, &one, sizeof one);
  }

  // The owner: from here on, what is put into its queues will wake it. It must look at them once before it sleeps.
  void arm() const {
    asleep_->store(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  // The owner, awake again. Read first: whoever rings reads the same line, and it stays his as long as nobody writes.
  void disarm() const {
    if (asleep_->load(std::memory_order_relaxed) != 0) asleep_->store(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<uint32_t>* asleep_ = nullptr;
  int fd_ = -1;
};

}  // namespace cardea
