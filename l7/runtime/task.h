// Task<T>: a lazy coroutine that is awaited once and whose frame lies in an Arena. One of the coroutine's parameters
// has to be an Arena& or something with an arena() member; that is where the frame goes, and a coroutine without one
// does not compile. There are no exceptions: one that escapes ends the process.
//
//   Task<int> count(Connection& connection) { … co_return 3; }      // Connection has Arena& arena()
//   int n = co_await count(connection);                              // co_await into a named variable, never inside
//   more
#pragma once

#include <coroutine>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/check.h"
#include "l7/runtime/arena.h"

namespace cardea::l7 {

template <typename T = void>
class Task;

namespace task_detail {

template <typename T>
concept HasArena = requires(T& value) {
  { value.arena() } -> std::convertible_to<Arena&>;
};

template <typename First, typename... Rest>
Arena& arena_of(First& first, Rest&... rest) {
  if constexpr (HasArena<First>) {
    return first.arena();
  } else {
    static_assert(sizeof...(Rest) > 0, "a Task coroutine needs a parameter that is an Arena& or has an arena()");
    return arena_of(rest...);
  }
}

// In front of every frame: who to give it back to.
struct alignas(16) FramePrefix {
  Arena* arena;
  size_t bytes;
};
inline void* allocate_frame(Arena& arena, size_t bytes) {
  bytes += sizeof(FramePrefix);
  auto* prefix = new (arena.allocate(bytes)) FramePrefix{&arena, bytes};
  return prefix + 1;
}
inline void free_frame(void* frame) {
  auto* prefix = static_cast<FramePrefix*>(frame) - 1;
  prefix->arena->free(prefix, prefix->bytes);
}

struct PromiseBase {
  std::coroutine_handle<> continuation;  // who awaits
  // Instead of a continuation: what to run next is its answer. It must not destroy the finished frame itself.
  std::coroutine_handle<> (*finished)(void* context) = nullptr;
  void* context = nullptr;

  template <typename... Args>
  static void* operator new(size_t bytes, Args&... args) {
    static_assert(sizeof...(Args) > 0, "a Task coroutine needs a parameter that is an Arena& or has an arena()");
    return allocate_frame(arena_of(args...), bytes);
  }
  static void operator delete(void* frame, size_t) { free_frame(frame); }

  struct Final {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      PromiseBase& promise = self.promise();
      if (promise.continuation) return promise.continuation;
      if (promise.finished) return promise.finished(promise.context);
      return std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  Final final_suspend() const noexcept { return {}; }
  [[noreturn]] void unhandled_exception() const {
    check_failed("no exception", __FILE__, __LINE__, "a coroutine let an exception escape");
  }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() { return std::move(*value); }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() const {}
  void take() const {}
};

}  // namespace task_detail

template <typename T>
class [[nodiscard]] Task {
 public:
  using promise_type = task_detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) destroy(), handle_ = std::exchange(other.handle_, nullptr);
    return *this;
  }
  ~Task() { destroy(); }  // a suspended task is cancelled: its locals and what it awaits are destroyed

  struct Awaiter {
    Handle handle;
    bool await_ready() const { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) const {
      handle.promise().continuation = awaiting;
      return handle;
    }
    T await_resume() const { return handle.promise().take(); }
  };
  Awaiter operator co_await() const {
    DCHECK(handle_ && !handle_.done(), "a task is awaited once");
    return Awaiter{handle_};
  }

  explicit operator bool() const { return static_cast<bool>(handle_); }
  bool done() const { return handle_ && handle_.done(); }
  Handle handle() const { return handle_; }

 private:
  void destroy() {
    if (handle_) handle_.destroy();
    handle_ = nullptr;
  }
  Handle handle_;
};

namespace task_detail {
template <typename T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}
}  // namespace task_detail

}  // namespace cardea::l7
