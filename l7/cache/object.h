// A stored response: one allocation that holds its bookkeeping, what it is stored under, its head as bytes and, where
// its length was known, its body. It never changes once it is linked; whoever reads it holds a reference, and the last
// one to let go frees it, on any thread.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "l7/cache/cache.h"
#include "l7/cache/freshness.h"
#include "l7/cache/ledger.h"

namespace cardea::l7::cache {

// What an object is made of, all of it copied in but the body.
struct Content {
  std::string_view key, pool, selector, head;
  uint64_t hash = 0;
  Freshness freshness;
  uint16_t port = 0;  // of the service that was asked: its backend was told
};

class Object {
 public:
  enum class Queue : uint8_t { kNone, kSmall, kMain };

  // The ledger has been charged with cost(content, inline_body). One reference, the caller's.
  static Object* create(std::shared_ptr<Ledger> ledger, const Content& content, uint64_t inline_body);
  static uint64_t cost(const Content& content, uint64_t inline_body);
  Object(const Object&) = delete;

  void hold() const { references_.fetch_add(1, std::memory_order_relaxed); }
  void let_go() const;
  // Under the lock of the stripe that has it, where nobody can begin to hold it.
  bool in_use() const { return references_.load(std::memory_order_acquire) > 1; }

  std::string_view key() const { return {bytes(), key_size_}; }
  std::string_view pool() const { return {bytes() + key_size_, pool_size_}; }
  std::string_view selector() const { return {bytes() + key_size_ + pool_size_, selector_size_}; }
  std::string_view head() const { return {bytes() + key_size_ + pool_size_ + selector_size_, head_size_}; }
  std::span<const iovec> body() const { return {pieces_, piece_count_}; }
  uint64_t body_size() const { return body_size_; }
  uint64_t hash() const { return hash_; }
  uint64_t cost() const { return cost_; }
  uint16_t port() const { return port_; }
  const Freshness& freshness() const { return freshness_; }

  // Before it is linked: where the inline body goes, and the other two kinds of bodies.
  char* inline_body() { return static_cast<char*>(first_.iov_base); }
  void adopt_pieces(std::vector<iovec> pieces, uint64_t size, uint64_t cost);  // of malloc; `cost` as it was charged
  void share_body(const Object& other);

  // Whether this caller is the one to ask the backend, until it ends that; others may have the object meanwhile.
  bool claim_renewal(int64_t now) const;
  void end_renewal(int64_t again) const { next_renewal_.store(again, std::memory_order_relaxed); }

  // The stripe's, under its lock.
  Object *chain = nullptr, *newer = nullptr, *older = nullptr;
  uint8_t uses = 0;
  Queue queue = Queue::kNone;

 private:
  uint16_t port_ = 0;

  Object(std::shared_ptr<Ledger> ledger, const Content& content, uint64_t inline_body);
  ~Object();
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }

  mutable std::atomic<uint32_t> references_{1};
  uint32_t key_size_, pool_size_, selector_size_, head_size_, piece_count_ = 1;
  uint64_t hash_, cost_, body_size_;
  std::shared_ptr<Ledger> ledger_;
  iovec first_;
  const iovec* pieces_ = &first_;
  const Object* body_owner_ = nullptr;  // of a response that was refreshed: its body stays where it is
  Freshness freshness_;
  mutable std::atomic<int64_t> next_renewal_{0};  // seconds since 1970; while one is under way: never
};
static_assert(sizeof(Object) <= 192, "with the heap's header 200 bytes an object beside key, head and body");

}  // namespace cardea::l7::cache
