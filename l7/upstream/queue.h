// Exchanges of one shard that wait for a place at a pool's backends, first come, first served. Only the first of them
// looks for one; the others wait for their turn to be first. What other shards give back nobody tells: the first looks
// every few milliseconds, too.
#pragma once

#include <algorithm>
#include <chrono>
#include <coroutine>
#include <utility>

#include "l7/runtime/loop.h"

namespace cardea::l7::upstream {

class Queue {
 public:
  static constexpr std::chrono::milliseconds kLookAgain{5};
  class Place;

  bool empty() const { return places_.empty(); }
  // Something may be free.
  void offer();

 private:
  List<Place> places_;
};

// One that waits, from the back. Gone, the next is first.
class Queue::Place : public Link {
 public:
  Place(Queue& queue, Loop& loop) : queue_(queue), loop_(loop), sleeper_(*this) { queue.places_.push_back(*this); }
  ~Place() {
    const bool first = is_first();
    unlink();
    if (first) queue_.offer();
  }

  bool is_first() const { return queue_.places_.front() == this; }
  void wake() {
    if (handle_ && !sleeper_.scheduled) loop_.schedule(sleeper_);
  }

  struct Wait {
    Place& place;
    Instant until;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) const {
      place.handle_ = handle;
      const Instant again = place.loop_.now() + kLookAgain;
      place.loop_.arm(place.sleeper_, place.is_first() ? std::min(until, again) : until);
    }
    void await_resume() const {}
  };
  // Until there is something to look for: a place, the end of the wait, or what woke it.
  Wait wait(Instant until) { return {*this, until}; }  // co_await

 private:
  struct Sleeper : Waiter, LoopTimer {
    explicit Sleeper(Place& of)
        : Waiter([](Waiter& waiter) { static_cast<Sleeper&>(waiter).place.resume(); }),
          LoopTimer([](LoopTimer& timer) { static_cast<Sleeper&>(timer).place.wake(); }),
          place(of) {}
    Place& place;
  };
  void resume() {
    sleeper_.cancel();
    std::exchange(handle_, nullptr).resume();
  }

  Queue& queue_;
  Loop& loop_;
  Sleeper sleeper_;
  std::coroutine_handle<> handle_;
};

inline void Queue::offer() {
  if (Place* first = places_.front()) first->wake();
}

}  // namespace cardea::l7::upstream
