#include "l7/cache/queues.h"

#include <algorithm>

namespace cardea::l7::cache {
namespace {

// Objects that one eviction looks at while others wait for the lock: then the next that nobody reads goes, used or not.
constexpr unsigned kLooksMax = 128;
constexpr uint64_t kSmallShare = 10;  // a tenth

}  // namespace

void Queues::Fifo::push(Object& object) {
  object.older = newest;
  object.newer = nullptr;
  (newest != nullptr ? newest->newer : oldest) = &object;
  newest = &object;
  ++objects, bytes += object.cost();
}

void Queues::Fifo::unlink(Object& object) {
  (object.newer != nullptr ? object.newer->older : newest) = object.older;
  (object.older != nullptr ? object.older->newer : oldest) = object.newer;
  object.newer = object.older = nullptr;
  --objects, bytes -= object.cost();
}

void Queues::put(Object& object, Object::Queue queue) {
  object.queue = queue;
  fifo_of(queue).push(object);
}

void Queues::add(Object& object) {
  const auto reach = uint32_t(std::max<uint64_t>(main_.objects, 16));
  object.uses = 0;
  put(object, ghosts_.holds(object.hash(), reach) ? Object::Queue::kMain : Object::Queue::kSmall);
}

void Queues::remove(Object& object) {
  fifo_of(object.queue).unlink(object);
  object.queue = Object::Queue::kNone;
}

Object* Queues::oldest_of_due_queue() const {
  const bool small_is_due = small_.bytes * kSmallShare >= bytes();
  if (small_.objects != 0 && (small_is_due || main_.objects == 0)) return small_.oldest;
  return main_.oldest;
}

Object* Queues::take_victim() {
  for (unsigned looks = 0; looks < 2 * kLooksMax; ++looks) {
    Object* const object = oldest_of_due_queue();
    if (object == nullptr) return nullptr;
    const bool from_small = object->queue == Object::Queue::kSmall;
    const bool earned = from_small ? object->uses > 1 : object->uses > 0;
    remove(*object);
    if (!object->in_use() && (!earned || looks >= kLooksMax)) {
      if (from_small) ghosts_.add(object->hash());
      return object;
    }
    object->uses = from_small ? 0 : object->uses - (object->uses > 0);
    put(*object, Object::Queue::kMain);
  }
  return nullptr;
}

}  // namespace cardea::l7::cache
