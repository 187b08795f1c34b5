// One coroutine waits until others say that there is something to do, however often they say it before it looks. Said
// while nobody waits, the next wait does not.
#pragma once

#include <coroutine>

#include "l7/runtime/loop.h"

namespace cardea::l7 {

class Signal : private Waiter {
 public:
  explicit Signal(Loop& loop) : Waiter([](Waiter& waiter) { static_cast<Signal&>(waiter).resume(); }), loop_(loop) {}
  Signal(const Signal&) = delete;

  // Who waits goes on behind what runs now.
  void raise() {
    raised_ = true;
    if (handle_) loop_.schedule(*this);
  }

  struct Wait {
    Signal& signal;
    bool await_ready() const { return signal.raised_; }
    void await_suspend(std::coroutine_handle<> handle) const { signal.handle_ = handle; }
    void await_resume() const { signal.raised_ = false; }
  };
  Wait wait() { return {*this}; }  // co_await

 private:
  void resume() { std::exchange(handle_, nullptr).resume(); }

  Loop& loop_;
  std::coroutine_handle<> handle_;
  bool raised_ = false;
};

}  // namespace cardea::l7
