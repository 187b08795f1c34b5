#include "l7/proxy/ahead_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace cardea::l7::proxy {

AheadStream::AheadStream(Stream& lower, Input first) : Stream(lower.loop()), lower_(lower), first_(std::move(first)) {}

IoResult AheadStream::try_read(MutableBytes into) {
  if (first_.empty()) return lower_.try_read(into);
  const std::string_view left = first_.left();
  const size_t size = std::min(left.size(), into.size());
  std::memcpy(into.data(), left.data(), size);
  first_.at += size;
  if (first_.empty()) first_.drop();
  return IoResult::moved(size);
}

void AheadStream::close(Close how) {
  first_.drop();
  lower_.close(how);
}

bool AheadStream::ready(Direction direction) const {
  return has_first(direction) || lower_.ready(direction);
}

void AheadStream::wait(Direction direction, Waiter& waiter) {
  if (has_first(direction)) return loop().schedule(waiter);
  lower_.wait(direction, waiter);
}

}  // namespace cardea::l7::proxy
