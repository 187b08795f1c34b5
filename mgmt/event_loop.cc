#include "mgmt/event_loop.h"

#include <utility>

namespace cardea::mgmt {

void EventLoop::post(Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    ready_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void EventLoop::post_after(std::chrono::milliseconds delay, Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    later_.emplace(Clock::now() + delay, std::move(work));
  }
  wake_.notify_one();
}

void EventLoop::make_ready() {
  const auto now = Clock::now();
  while (!later_.empty() && later_.begin()->first <= now) {
    ready_.push_back(std::move(later_.begin()->second));
    later_.erase(later_.begin());
  }
}

// Waits until there is something to do and takes all of it; empty only when the loop has stopped.
std::deque<EventLoop::Work> EventLoop::take_due(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    make_ready();
    if (!ready_.empty() || stopping_) return std::exchange(ready_, {});
    if (later_.empty()) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, later_.begin()->first);
    }
  }
}

void EventLoop::run_due() {
  for (;;) {
    std::unique_lock lock(mutex_);
    make_ready();
    auto due = std::exchange(ready_, {});
    lock.unlock();
    if (due.empty()) return;
    for (auto& work : due) work();
  }
}

void EventLoop::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    auto due = take_due(lock);
    lock.unlock();
    if (due.empty()) break;
    for (auto& work : due) work();
  }
  const std::lock_guard lock(mutex_);
  ready_.clear();
  later_.clear();
}

void EventLoop::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
}

bool EventLoop::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

}  // namespace cardea::mgmt
