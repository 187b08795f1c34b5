#include "l7/runtime/offload.h"

#include <pthread.h>
#include <sched.h>

#include <cstring>

namespace cardea::l7 {

bool Offload::enqueue(Job& job) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || waiting_count_ >= limits_.waiting_max) return false;
  job.waits_ = true;
  waiting_.push_back(job);
  ++waiting_count_;
  if (waiting_count_ > idle_ && threads_.size() < limits_.threads) threads_.emplace_back([this] { serve(); });
  work_.notify_one();
  return true;
}

void Offload::forget(Job& job) {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&job] { return !job.runs_; });
  if (job.waits_) --waiting_count_;
  job.waits_ = false;
  job.unlink();
}

namespace {

// Not on the core of the shard that happened to start it.
void leave_cpu() {
  cpu_set_t all;
  std::memset(&all, 0xff, sizeof all);
  (void)::sched_setaffinity(0, sizeof all, &all);  // where that is forbidden it works all the same
  (void)::pthread_setname_np(::pthread_self(), "l7-offload");
}

}  // namespace

void Offload::serve() {
  leave_cpu();
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    work_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    --idle_;
    if (stopped_) return;
    Job& job = *waiting_.pop_front();
    --waiting_count_;
    job.waits_ = false, job.runs_ = true;
    lock.unlock();
    job.work();
    lock.lock();
    finish(job);
  }
}

// Under the lock to its end: the job's loop lives as long as the job does, and whoever destroys the job has to wait.
void Offload::finish(Job& job) {
  job.runs_ = false;
  finished_.push_back(job);
  Loop& loop = job.loop_;
  loop.post([this, &loop] { collect(loop); });
  done_.notify_all();
}

void Offload::collect(Loop& loop) {
  const std::lock_guard lock(mutex_);
  List<Job> of_others;
  while (Job* job = finished_.pop_front()) {
    if (&job->loop_ == &loop) {
      loop.schedule(*job);
    } else {
      of_others.push_back(*job);
    }
  }
  finished_.take_all(of_others);
}

void Offload::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    work_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace cardea::l7
