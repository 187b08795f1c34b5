#include "l7/runtime/spawn.h"

namespace cardea::l7 {

SpawnedTask::SpawnedTask(Loop& loop, Task<> task, Arena& arena, void* owner, Drop drop)
    : loop_(loop), task_(std::move(task)), arena_(arena), owner_(owner), drop_(drop), cleanup_(*this) {}

void SpawnedTask::start(Loop& loop, List<SpawnedTask>& care, Task<> task, Arena& arena, void* owner, Drop drop) {
  auto* spawned = new (arena.allocate(sizeof(SpawnedTask))) SpawnedTask(loop, std::move(task), arena, owner, drop);
  auto& promise = spawned->task_.handle().promise();
  promise.context = spawned;
  promise.finished = [](void* context) -> std::coroutine_handle<> {
    auto* done = static_cast<SpawnedTask*>(context);
    done->loop_.schedule(done->cleanup_);
    return std::noop_coroutine();
  };
  care.push_back(*spawned);
  loop.spawned_count_++;
  spawned->task_.handle().resume();
}

// The frame first, then this, then the owner whose arena held both.
void SpawnedTask::destroy() {
  Arena& arena = arena_;
  void* owner = owner_;
  const Drop drop = drop_;
  loop_.spawned_count_--;
  unlink();
  task_ = {};
  this->~SpawnedTask();
  arena.free(this, sizeof(SpawnedTask));
  drop(owner);
}

bool BothOperation::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  for (Task<>* task : {&first_, &second_}) {
    task->handle().promise().context = this;
    task->handle().promise().finished = finished;
  }
  first_.handle().resume();
  second_.handle().resume();
  return --left_ != 0;
}

std::coroutine_handle<> BothOperation::finished(void* context) {
  auto* both = static_cast<BothOperation*>(context);
  if (--both->left_ == 0) return both->handle_;
  return std::noop_coroutine();
}

}  // namespace cardea::l7
