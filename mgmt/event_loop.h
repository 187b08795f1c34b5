// The one thread that owns what cardea-mgmt knows. Everything else (API requests, health events, the dataplane's
// answers, signals) hands it work and never touches the state; so no state needs a lock, and things happen in one
// order.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <type_traits>

namespace cardea::mgmt {

class EventLoop {
 public:
  using Work = std::move_only_function<void()>;
  using Clock = std::chrono::steady_clock;

  // Any thread. Work runs in the order in which it was posted; work that is due at a time runs no earlier.
  void post(Work work);
  void post_after(std::chrono::milliseconds delay, Work work);

  // Any thread but the loop's own: runs `question` on the loop and brings its answer. Broken promise once it has
  // stopped.
  template <typename Question>
  auto ask(Question question) -> std::future<std::invoke_result_t<Question&>> {
    std::packaged_task<std::invoke_result_t<Question&>()> task(std::move(question));
    auto answer = task.get_future();
    post(std::move(task));
    return answer;
  }

  void run_due();  // what is due now, and what that posts; never waits
  void run();   // until stop(); work posted before stop() is still done, what comes later is dropped
  void stop();  // any thread
  bool stopped() const;

 private:
  void make_ready();
  std::deque<Work> take_due(std::unique_lock<std::mutex>& lock);

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> ready_;
  std::multimap<Clock::time_point, Work> later_;
  bool stopping_ = false;
};

}  // namespace cardea::mgmt
