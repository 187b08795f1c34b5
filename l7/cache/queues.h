// The order in which objects leave: S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023).
// New objects pass a small queue of a tenth of the bytes, and most of them, asked for once, leave from there; those asked
// for again, and those that come back soon, go to the main queue, which gives what is used another round. A hit moves
// nothing, it counts to three. Under the stripe's lock.
#pragma once

#include <cstdint>

#include "l7/cache/ghosts.h"
#include "l7/cache/object.h"

namespace cardea::l7::cache {

class Queues {
 public:
  explicit Queues(size_t ghosts) : ghosts_(ghosts) {}

  void add(Object& object);
  void remove(Object& object);
  static void use(Object& object) { object.uses += object.uses < kUsesMax; }
  // Takes out the one to leave next; null where all that was looked at is being read.
  Object* take_victim();

  Object* oldest() const { return main_.objects != 0 ? main_.oldest : small_.oldest; }
  uint64_t objects() const { return small_.objects + main_.objects; }
  uint64_t bytes() const { return small_.bytes + main_.bytes; }
  size_t own_bytes() const { return ghosts_.bytes(); }

 private:
  static constexpr uint8_t kUsesMax = 3;
  struct Fifo {
    Object *newest = nullptr, *oldest = nullptr;
    uint64_t objects = 0, bytes = 0;

    void push(Object& object);
    void unlink(Object& object);
  };
  Fifo& fifo_of(Object::Queue queue) { return queue == Object::Queue::kSmall ? small_ : main_; }
  void put(Object& object, Object::Queue queue);
  Object* oldest_of_due_queue() const;

  Fifo small_, main_;
  Ghosts ghosts_;
};

}  // namespace cardea::l7::cache
