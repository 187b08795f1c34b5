// One shard's event loop: kernel events, timers, calls from other threads, and what became ready through them, in
// turns. A turn first collects everything that happened and only then runs what waits, so nothing disappears while
// events are being handed out. Time is read once a turn; with a manual clock it stands still until a test moves it.
// Everything but post() and stop() belongs to the thread that runs the loop.
#pragma once

#include <atomic>
#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "base/file_descriptor.h"
#include "l7/runtime/arena.h"
#include "l7/runtime/waiter.h"

namespace cardea::l7 {

inline constexpr Instant kNever = Instant::max();

// Gets the kernel's events for one file descriptor (EPOLL… bits). May schedule waiters, must not run or destroy
// anything.
class EventSource {
 public:
  virtual void on_events(uint32_t events) = 0;

 protected:
  ~EventSource() = default;
};

// Told when the loop goes to sleep and wakes up, around every wait for events: where quiet points of published values
// (base/published.h) are passed. It holds no published value over either call.
class TurnObserver {
 public:
  virtual void before_sleep() = 0;
  virtual void after_wake() = 0;

 protected:
  ~TurnObserver() = default;
};

// Work that comes through memory and not by a descriptor: asked for in every turn, and before the loop may sleep. One
// to a loop; a loop without one pays nothing for it.
class TurnWork {
 public:
  virtual void take_in(Instant now) = 0;   // before what waits is run
  virtual void send_out(Instant now) = 0;  // behind it
  virtual Instant next() = 0;              // when it wants a turn at the latest
  // False: there is or may soon be something to take in; the loop looks at its descriptors and comes back. True: it
  // sleeps, and work that comes wakes it by a descriptor, until awake().
  virtual bool ready_to_sleep() = 0;
  virtual void awake() = 0;

 protected:
  ~TurnWork() = default;
};

class SleepOperation;
class SpawnedTask;

class Loop {
 public:
  enum class Clock : uint8_t { kMonotonic, kManual };

  static Result<std::unique_ptr<Loop>> create(Clock clock = Clock::kMonotonic);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();  // end_tasks()
  void end_tasks();  // destroys every spawned task that has not finished, and what it owns

  void run();   // turns until stop()
  void stop();  // from any thread
  void run_turn(std::chrono::nanoseconds sleep_max);
  void run_until_idle();                      // turns without sleeping until nothing is ready: for tests
  void advance(std::chrono::nanoseconds by);  // manual clock: moves time, fires timers, runs until idle

  Instant now() const { return now_; }
  uint64_t turn() const { return turn_; }
  ChunkPool& chunks() { return chunks_; }
  void observe_turns(TurnObserver* observer) { observer_ = observer; }
  void work_every_turn(TurnWork* work) { work_ = work; }  // null: no longer

  // From any thread: the loop calls it in its next turn. What is still queued when the loop dies is destroyed uncalled.
  void post(std::move_only_function<void()> call);

  void schedule(Waiter& waiter, Wake wake = Wake::kReady);
  void arm(LoopTimer& timer, Instant when) { timers_.arm(timer, when); }
  SleepOperation sleep_until(Instant when);  // co_await: Wake::kTimeout
  SleepOperation yield();                    // co_await: the next turn

  // Edge-triggered. The source stays until its descriptor is closed.
  Result<> watch(int fd, EventSource& source, uint32_t events);
  Result<> rewatch(int fd, EventSource& source, uint32_t events);
  void unwatch(int fd);

  size_t spawned() const { return spawned_count_; }  // tasks that have not finished

 private:
  friend class SpawnedTask;
  struct Call;
  struct PostSource;
  static constexpr int kEventsPerTurn = 256;

  Loop(Clock clock, FileDescriptor epoll, FileDescriptor event);
  void wait_for_events(int timeout_ms);
  int sleep_ms(std::chrono::nanoseconds sleep_max);
  int allowed_by_work(int timeout_ms);
  void read_clock();
  void fire_timers();
  void run_calls();
  void run_ready();

  Clock clock_;
  FileDescriptor epoll_, event_;
  Instant now_;
  uint64_t turn_ = 1;
  List<Waiter> ready_;
  TimerWheel timers_;
  ChunkPool chunks_;
  TurnObserver* observer_ = nullptr;
  TurnWork* work_ = nullptr;
  std::unique_ptr<PostSource> post_source_;
  std::atomic<Call*> calls_ = nullptr;
  std::atomic<bool> stop_ = false;
  List<SpawnedTask> spawned_;
  size_t spawned_count_ = 0;
};

// Awaited: resumes at its time, or in the next turn for yield().
class SleepOperation {
 public:
  SleepOperation(Loop& loop, Instant when) : loop_(loop), when_(when) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle);
  void await_resume() const {}

 private:
  struct Sleeper : Waiter, LoopTimer {
    Sleeper();
    std::coroutine_handle<> handle;
    Loop* loop = nullptr;
  };
  Loop& loop_;
  Instant when_;
  Sleeper sleeper_;
};

inline SleepOperation Loop::sleep_until(Instant when) {
  return {*this, when};
}
inline SleepOperation Loop::yield() {
  return {*this, Instant::min()};
}

}  // namespace cardea::l7
