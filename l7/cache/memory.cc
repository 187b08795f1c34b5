#include "l7/cache/memory.h"

#include <algorithm>
#include <bit>

namespace cardea::l7::cache {
namespace {

constexpr uint64_t kStripesMax = 32;           // four times the shards that a large host has, so that few meet
constexpr uint64_t kStripeBytesMin = 1 << 20;  // a stripe forgets well only among many objects
constexpr uint64_t kBytesAnObject = 2048;      // chains stay short down to this mean size; costs 0.8 % with the ghosts

uint64_t stripes_for(uint64_t memory_bytes) {
  return std::clamp<uint64_t>(std::bit_floor(memory_bytes / kStripeBytesMin), 1, kStripesMax);
}

}  // namespace

Memory::Memory(const Limits& limits)
    : ledger_(std::make_shared<Ledger>(limits.memory_bytes)),
      object_bytes_max_(limits.object_bytes_max),
      stale_on_error_(limits.stale_on_error) {
  const uint64_t stripes = stripes_for(limits.memory_bytes);
  const size_t chains = std::max<size_t>(limits.memory_bytes / kBytesAnObject / stripes, 1);
  for (uint64_t i = 0; i < stripes; ++i) {
    auto stripe = std::make_unique<Stripe>(std::bit_floor(chains));
    ledger_->charge(stripe->own_bytes());
    stripes_.push_back(std::move(stripe));
  }
}

void Memory::set_limits(const Limits& limits) {
  object_bytes_max_.store(limits.object_bytes_max, std::memory_order_relaxed);
  stale_on_error_.store(limits.stale_on_error, std::memory_order_relaxed);
  ledger_->set_limit(limits.memory_bytes);
  while (ledger_->over() && evict_one()) {
  }
}

// From each stripe in turn: they fill at the same rate, because the hash spreads evenly.
bool Memory::evict_one() {
  for (size_t i = 0; i < stripes_.size(); ++i) {
    const uint32_t turn = next_victim_.fetch_add(1, std::memory_order_relaxed);
    const ObjectPointer gone = stripes_[turn % stripes_.size()]->evict();
    if (!gone) continue;
    evicted_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  return false;
}

bool Memory::take(uint64_t bytes) {
  // More than there could ever be does not empty the cache first.
  if (bytes <= ledger_->limit()) {
    do {
      if (ledger_->take(bytes)) return true;
    } while (evict_one());
  }
  count_refused();
  return false;
}

Object* Memory::create(const Content& content, uint64_t inline_body) {
  if (!take(Object::cost(content, inline_body))) return nullptr;
  return Object::create(ledger_, content, inline_body);
}

bool Memory::link(Object* object, uint64_t removals_before, const Object* renews) {
  std::vector<ObjectPointer> replaced;  // freed behind the lock
  if (!stripe(object->hash()).link(object, removals_before, renews, replaced)) {
    object->let_go();
    return false;
  }
  stored_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

size_t Memory::remove(uint64_t hash, std::string_view key, std::optional<std::string_view> pool) {
  const std::vector<ObjectPointer> gone = stripe(hash).remove(hash, key, pool);
  purged_.fetch_add(gone.size(), std::memory_order_relaxed);
  return gone.size();
}

Figures Memory::figures() const {
  Figures figures;
  figures.bytes = ledger_->bytes();
  for (const auto& stripe : stripes_) figures.objects += stripe->objects();
  figures.stored = stored_.load(std::memory_order_relaxed);
  figures.evicted = evicted_.load(std::memory_order_relaxed);
  figures.purged = purged_.load(std::memory_order_relaxed);
  figures.refused = refused_.load(std::memory_order_relaxed);
  return figures;
}

}  // namespace cardea::l7::cache
