// Objects by the hash of what they are stored under: chains in a fixed array, the newest object of a URL first. How many
// chains there are follows from the memory, once, so that a request never waits for a table to grow. Under the stripe's
// lock.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "l7/cache/object.h"

namespace cardea::l7::cache {

class Table {
 public:
  explicit Table(size_t chains) : chains_(std::bit_ceil(chains)) {}

  void link(Object& object) {
    Object*& first = chain_of(object.hash());
    object.chain = first;
    first = &object;
  }
  void unlink(const Object& object) {
    Object** at = &chain_of(object.hash());
    while (*at != &object) at = &(*at)->chain;
    *at = object.chain;
  }
  // Calls `each(object)` for all that are stored under `key`; it may unlink the one it is given. Stops at true.
  template <typename Each>
  void for_each(uint64_t hash, std::string_view key, Each each) {
    for (Object *object = chain_of(hash), *next; object != nullptr; object = next) {
      next = object->chain;
      if (object->hash() == hash && object->key() == key && each(*object)) return;
    }
  }
  size_t own_bytes() const { return chains_.size() * sizeof(Object*); }

 private:
  Object*& chain_of(uint64_t hash) { return chains_[hash & (chains_.size() - 1)]; }

  std::vector<Object*> chains_;
};

}  // namespace cardea::l7::cache
