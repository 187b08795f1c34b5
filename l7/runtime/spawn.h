// Tasks that nobody awaits: connections, which the loop owns until they finish, and what runs inside one of them and
// ends with it (TaskGroup). `both` awaits two tasks that run side by side, for true duplex.
#pragma once

#include <memory>

#include "l7/runtime/loop.h"
#include "l7/runtime/task.h"

namespace cardea::l7 {

// A task in the care of the loop or a group, with what has to outlive it.
class SpawnedTask : public Link {
 public:
  using Drop = void (*)(void* owner);
  static void start(Loop& loop, Task<> task, Arena& arena, void* owner, Drop drop) {
    start(loop, loop.spawned_, std::move(task), arena, owner, drop);
  }
  static void start(Loop& loop, List<SpawnedTask>& care, Task<> task, Arena& arena, void* owner, Drop drop);
  void destroy();

 private:
  struct Cleanup : Waiter {
    explicit Cleanup(SpawnedTask& of) : Waiter([](Waiter& w) { static_cast<Cleanup&>(w).task.destroy(); }), task(of) {}
    SpawnedTask& task;
  };
  SpawnedTask(Loop& loop, Task<> task, Arena& arena, void* owner, Drop drop);

  Loop& loop_;
  Task<> task_;
  Arena& arena_;
  void* owner_;
  Drop drop_;
  Cleanup cleanup_;
};

// Runs body(*owner) until it first waits, then as events come. `owner` has an arena() and is destroyed after the task:
//   spawn(loop, serve, std::make_unique<Connection>(…));   // Task<> serve(Connection&)
template <typename Owner>
void spawn(Loop& loop, Task<> (*body)(Owner&), std::unique_ptr<Owner> owner) {
  Owner& at = *owner;
  SpawnedTask::start(loop, body(at), at.arena(), owner.release(), [](void* it) { delete static_cast<Owner*>(it); });
}

// The same for a task whose arena outlives the loop, or is known to outlive the task and the turn after its end.
inline void spawn(Loop& loop, Arena& arena, Task<> task) {
  SpawnedTask::start(loop, std::move(task), arena, nullptr, [](void*) {});
}

// Tasks that end with what started them at the latest.
class TaskGroup {
 public:
  explicit TaskGroup(Loop& loop) : loop_(loop) {}
  TaskGroup(const TaskGroup&) = delete;
  ~TaskGroup() {
    while (SpawnedTask* task = tasks_.front()) task->destroy();
  }
  // As spawn().
  template <typename Owner>
  void start(Task<> (*body)(Owner&), std::unique_ptr<Owner> owner) {
    Owner& at = *owner;
    SpawnedTask::start(loop_, tasks_, body(at), at.arena(), owner.release(),
                       [](void* it) { delete static_cast<Owner*>(it); });
  }

 private:
  Loop& loop_;
  List<SpawnedTask> tasks_;
};

// Awaited: starts both, resumes when both are done.  co_await both(first, second);
class BothOperation {
 public:
  BothOperation(Task<> first, Task<> second) : first_(std::move(first)), second_(std::move(second)) {}
  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> handle);
  void await_resume() const {}

 private:
  static std::coroutine_handle<> finished(void* context);
  Task<> first_, second_;
  std::coroutine_handle<> handle_;
  int left_ = 3;  // the two tasks, and the start itself
};
inline BothOperation both(Task<> first, Task<> second) {
  return {std::move(first), std::move(second)};
}

}  // namespace cardea::l7
