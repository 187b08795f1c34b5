#include "l7/runtime/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.h"
#include "l7/runtime/spawn.h"

namespace cardea::l7 {

struct Loop::Call {
  std::move_only_function<void()> call;
  Call* next;
};

// Other threads write the eventfd only to wake the loop; what they want lies in calls_.
struct Loop::PostSource final : EventSource {
  explicit PostSource(int event_fd) : fd(event_fd) {}
  void on_events(uint32_t) override {
    uint64_t count;
    [[maybe_unused]] ssize_t read = ::read(fd, &count, sizeof count);
  }
  int fd;
};

Result<std::unique_ptr<Loop>> Loop::create(Clock clock) {
  FileDescriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("create an epoll instance");
  FileDescriptor event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return fail_errno("create an eventfd");
  std::unique_ptr<Loop> loop(new Loop(clock, std::move(epoll), std::move(event)));
  if (auto watched = loop->watch(loop->event_.get(), *loop->post_source_, EPOLLIN); !watched) {
    return std::unexpected(std::move(watched.error()));
  }
  return loop;
}

Loop::Loop(Clock clock, FileDescriptor epoll, FileDescriptor event)
    : clock_(clock),
      epoll_(std::move(epoll)),
      event_(std::move(event)),
      now_(monotonic_now()),
      timers_(now_),
      post_source_(std::make_unique<PostSource>(event_.get())) {}

void Loop::end_tasks() {
  while (SpawnedTask* task = spawned_.front()) task->destroy();
}

Loop::~Loop() {
  end_tasks();
  Call* call = calls_.exchange(nullptr, std::memory_order_acquire);
  while (call) delete std::exchange(call, call->next);
}

void Loop::run() {
  while (!stop_.load(std::memory_order_acquire)) run_turn(std::chrono::hours(1));
}

void Loop::stop() {
  stop_.store(true, std::memory_order_release);
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = ::write(event_.get(), &one, sizeof one);
}

void Loop::run_turn(std::chrono::nanoseconds sleep_max) {
  turn_++;
  int timeout_ms = sleep_ms(sleep_max);
  if (work_) timeout_ms = allowed_by_work(timeout_ms);
  if (observer_) observer_->before_sleep();
  wait_for_events(timeout_ms);
  if (observer_) observer_->after_wake();
  read_clock();
  fire_timers();
  run_calls();
  if (work_) work_->take_in(now_);
  run_ready();
  if (work_) work_->send_out(now_);
}

int Loop::allowed_by_work(int timeout_ms) {
  return timeout_ms == 0 || work_->ready_to_sleep() ? timeout_ms : 0;
}

void Loop::run_until_idle() {
  do {
    run_turn(std::chrono::nanoseconds(0));
  } while (!ready_.empty() || calls_.load(std::memory_order_acquire));
}

void Loop::advance(std::chrono::nanoseconds by) {
  CHECK(clock_ == Clock::kManual, "only a manual clock is moved by hand");
  now_ += by;
  run_until_idle();
}

int Loop::sleep_ms(std::chrono::nanoseconds sleep_max) {
  using std::chrono::milliseconds;
  if (!ready_.empty() || calls_.load(std::memory_order_acquire)) return 0;
  Instant next = clock_ == Clock::kManual ? kNever : timers_.next();
  if (work_ && clock_ != Clock::kManual) next = std::min(next, work_->next());
  const auto until_next = next == kNever ? std::chrono::nanoseconds::max() : next - now_;
  const auto sleep =
      std::clamp<std::chrono::nanoseconds>(std::min(sleep_max, until_next), milliseconds(0), std::chrono::hours(1));
  return static_cast<int>(std::chrono::ceil<milliseconds>(sleep).count());
}

void Loop::wait_for_events(int timeout_ms) {
  std::array<epoll_event, kEventsPerTurn> events;
  const int count = epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, timeout_ms);
  CHECK(count >= 0 || errno == EINTR, "epoll_wait refused its arguments");
  if (work_) work_->awake();
  for (int i = 0; i < count; i++) static_cast<EventSource*>(events[i].data.ptr)->on_events(events[i].events);
}

void Loop::read_clock() {
  if (clock_ == Clock::kMonotonic) now_ = monotonic_now();
}

void Loop::fire_timers() {
  timers_.advance(now_, [](TimerWheel::Timer& timer) { static_cast<LoopTimer&>(timer).fire(); });
}

void Loop::post(std::move_only_function<void()> call) {
  auto* posted = new Call{std::move(call), calls_.load(std::memory_order_relaxed)};
  while (!calls_.compare_exchange_weak(posted->next, posted, std::memory_order_release, std::memory_order_relaxed)) {
  }
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written =
      ::write(event_.get(), &one, sizeof one);  // fails only when the loop is awake anyway
}

void Loop::run_calls() {
  if (!calls_.load(std::memory_order_relaxed)) return;
  Call* newest_first = calls_.exchange(nullptr, std::memory_order_acquire);
  Call* in_order = nullptr;
  while (Call* call = newest_first) {
    newest_first = call->next;
    call->next = in_order;
    in_order = call;
  }
  while (Call* call = in_order) {
    in_order = call->next;
    call->call();
    delete call;
  }
}

void Loop::schedule(Waiter& waiter, Wake wake) {
  if (waiter.scheduled) {
    if (wake == Wake::kCancelled) waiter.wake = wake;
    return;
  }
  waiter.wake = wake;
  waiter.scheduled = true;
  ready_.push_back(waiter);
}

// What becomes ready while these run waits for the next turn, so events are looked at in between.
void Loop::run_ready() {
  List<Waiter> batch;
  batch.take_all(ready_);
  while (Waiter* waiter = batch.pop_front()) {
    waiter->scheduled = false;
    waiter->run();
  }
}

Result<> Loop::watch(int fd, EventSource& source, uint32_t events) {
  epoll_event event{.events = events | EPOLLET, .data = {.ptr = &source}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno("watch a descriptor by epoll");
  return {};
}

Result<> Loop::rewatch(int fd, EventSource& source, uint32_t events) {
  epoll_event event{.events = events | EPOLLET, .data = {.ptr = &source}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) return fail_errno("watch a descriptor by epoll");
  return {};
}

void Loop::unwatch(int fd) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

SleepOperation::Sleeper::Sleeper()
    : Waiter([](Waiter& waiter) { static_cast<Sleeper&>(waiter).handle.resume(); }), LoopTimer([](LoopTimer& timer) {
        auto& sleeper = static_cast<Sleeper&>(timer);
        sleeper.loop->schedule(sleeper, Wake::kTimeout);
      }) {}

void SleepOperation::await_suspend(std::coroutine_handle<> handle) {
  sleeper_.handle = handle;
  sleeper_.loop = &loop_;
  if (when_ == Instant::min()) {
    loop_.schedule(sleeper_);
  } else {
    loop_.arm(sleeper_, when_);
  }
}

}  // namespace cardea::l7
