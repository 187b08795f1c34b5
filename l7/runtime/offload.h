// Threads beside the shards, for work that may take long (more than some 50 us): what would wait for a disk, first of
// all. A coroutine awaits its work there while its loop goes on. The queue is bounded: what does not fit is refused at
// once. Threads are started when there is work for them.
#pragma once

#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "l7/runtime/loop.h"

namespace cardea::l7 {

template <typename Work>
class OffloadOperation;

class Offload {
 public:
  struct Limits {
    size_t threads = 4;
    size_t waiting_max = 1024;  // beside what runs
  };
  Offload() : Offload(Limits{}) {}
  explicit Offload(Limits limits) : limits_(limits) {}
  Offload(const Offload&) = delete;
  // Outlives the loops that await it.
  ~Offload() { stop(); }

  // co_await: true when `work()` was done by one of the threads, false when it was refused.
  template <typename Work>
  OffloadOperation<Work> run(Loop& loop, Work work) {
    return {*this, loop, std::move(work)};
  }
  // Waits for what runs. What waits for its turn is never done, what comes later is refused.
  void stop();

  // One piece of work: by its owner's loop from begin() on, by a thread while it runs. Destroyed, it is taken out of
  // the queue, or waited for.
  class Job : public Waiter {
   public:
    Job(Offload& offload, Loop& loop, Run resume) : Waiter(resume), offload_(offload), loop_(loop) {}
    Job(const Job&) = delete;
    virtual ~Job() = default;
    virtual void work() = 0;

   protected:
    bool begin() { return offload_.enqueue(*this); }  // false: refused
    void give_up() { offload_.forget(*this); }        // first thing in the destructor of whoever has work()

   private:
    friend class Offload;
    Offload& offload_;
    Loop& loop_;
    bool waits_ = false, runs_ = false;
  };

 private:
  bool enqueue(Job& job);
  void forget(Job& job);
  void serve();  // a thread
  void finish(Job& job);
  void collect(Loop& loop);

  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable work_, done_;
  List<Job> waiting_, finished_;  // finished: until their loops have heard of it
  size_t waiting_count_ = 0, idle_ = 0;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

template <typename Work>
class [[nodiscard]] OffloadOperation final : private Offload::Job {
 public:
  OffloadOperation(Offload& offload, Loop& loop, Work work)
      : Job(offload, loop, [](Waiter& waiter) { static_cast<OffloadOperation&>(waiter).handle_.resume(); }),
        work_(std::move(work)) {}
  ~OffloadOperation() override { give_up(); }

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    return accepted_ = begin();
  }
  bool await_resume() const { return accepted_; }

 private:
  void work() override { work_(); }

  Work work_;
  std::coroutine_handle<> handle_;
  bool accepted_ = false;
};

}  // namespace cardea::l7
