#include "l7/cache/stripe.h"

#include "l7/cache/selector.h"

namespace cardea::l7::cache {
namespace {

// Ghosts are remembered for as many evictions as the main queue has objects, so as many slots as chains do.
size_t ghosts_for(size_t chains) {
  return chains;
}

// Whether `fresh` stands for what `old` stood for. Where a backend names other headers in Vary than before, its newest
// word counts for the whole URL.
bool replaces(const Object& fresh, const Object& old) {
  if (fresh.pool() != old.pool() || fresh.port() != old.port()) return false;
  return fresh.selector() == old.selector() || !same_names(fresh.selector(), old.selector());
}

// Whichever way it was asked.
std::string_view pool_in(std::string_view origin) {
  return origin.substr(0, origin.find('\n'));
}

}  // namespace

Stripe::Stripe(size_t chains) : table_(chains), queues_(ghosts_for(chains)) {}

Stripe::~Stripe() {
  while (const ObjectPointer gone = evict()) {
  }
  // What is left is being read: its readers free it.
  while (Object* object = queues_.oldest()) take(*object);
}

Stripe::Found Stripe::find(uint64_t hash, std::string_view key, const Request& request) {
  const std::lock_guard lock(mutex_);
  const Object* found = nullptr;
  const Seen seen = seen_of(request);
  table_.for_each(hash, key, [&](Object& object) {
    if (object.pool() != request.pool || object.port() != request.port) return false;
    if (!selects(object.selector(), seen)) return false;
    object.hold();
    Queues::use(object);
    found = &object;
    return true;
  });
  return {ObjectPointer(found), removals_};
}

ObjectPointer Stripe::take(Object& object) {
  table_.unlink(object);
  queues_.remove(object);
  return ObjectPointer(&object);
}

bool Stripe::removed_since(uint64_t hash, uint64_t removals_before) const {
  if (removals_ - removals_before > removed_.size()) return true;
  for (uint64_t i = removals_before; i != removals_; ++i) {
    if (removed_[i % removed_.size()] == hash) return true;
  }
  return false;
}

bool Stripe::link(Object* object, uint64_t removals_before, const Object* renews, std::vector<ObjectPointer>& gone) {
  const std::lock_guard lock(mutex_);
  if (removed_since(object->hash(), removals_before)) return false;
  if (renews != nullptr && renews->queue == Object::Queue::kNone) return false;
  size_t variants = 0;
  table_.for_each(object->hash(), object->key(), [&](Object& old) {
    if (replaces(*object, old) || ++variants >= kVariantsMax) gone.push_back(take(old));
    return false;
  });
  table_.link(*object);
  queues_.add(*object);
  return true;
}

ObjectPointer Stripe::unlink(const Object& object) {
  const std::lock_guard lock(mutex_);
  Object* found = nullptr;
  table_.for_each(object.hash(), object.key(), [&](Object& linked) {
    if (&linked == &object) found = &linked;
    return found != nullptr;
  });
  return found != nullptr ? take(*found) : nullptr;
}

std::vector<ObjectPointer> Stripe::remove(uint64_t hash, std::string_view key, std::optional<std::string_view> pool) {
  std::vector<ObjectPointer> gone;
  const std::lock_guard lock(mutex_);
  removed_[removals_++ % removed_.size()] = hash;
  table_.for_each(hash, key, [&](Object& object) {
    if (!pool || pool_in(object.pool()) == pool_in(*pool)) gone.push_back(take(object));
    return false;
  });
  return gone;
}

ObjectPointer Stripe::evict() {
  const std::lock_guard lock(mutex_);
  Object* const victim = queues_.take_victim();
  if (victim != nullptr) table_.unlink(*victim);
  return ObjectPointer(victim);
}

uint64_t Stripe::objects() {
  const std::lock_guard lock(mutex_);
  return queues_.objects();
}

}  // namespace cardea::l7::cache
