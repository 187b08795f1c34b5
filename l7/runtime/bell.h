// Several coroutines wait until something has changed, each with a deadline of its own; what it is they see for
// themselves. (Signal is for one who waits for whatever there is to do.)
#pragma once

#include <coroutine>

#include "l7/runtime/loop.h"

namespace cardea::l7 {

class Bell {
 public:
  explicit Bell(Loop& loop) : loop_(loop) {}
  Bell(const Bell&) = delete;

  // Who waits now goes on behind what runs.
  void ring() {
    while (Waiter* waiter = waiting_.pop_front()) loop_.schedule(*waiter);
  }

  class Wait : Waiter, LoopTimer {
   public:
    Wait(Bell& bell, Instant deadline)
        : Waiter([](Waiter& waiter) { static_cast<Wait&>(waiter).resume(); }),
          LoopTimer([](LoopTimer& timer) {
            auto& wait = static_cast<Wait&>(timer);
            wait.bell_.loop_.schedule(wait, Wake::kTimeout);
          }),
          bell_(bell),
          deadline_(deadline) {}
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      handle_ = handle;
      bell_.waiting_.push_back(*this);
      bell_.loop_.arm(*this, deadline_);
    }
    Wake await_resume() const { return wake; }

   private:
    void resume() {
      LoopTimer::cancel();
      handle_.resume();
    }
    Bell& bell_;
    Instant deadline_;
    std::coroutine_handle<> handle_;
  };
  Wait wait(Instant deadline) { return {*this, deadline}; }  // co_await

 private:
  Loop& loop_;
  List<Waiter> waiting_;
};

}  // namespace cardea::l7
