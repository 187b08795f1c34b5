// A stream whose first bytes were read already, to be read once more: what came behind a header of the PROXY protocol,
// and is TLS. Gives their buffer back when they are read, and is the stream below from then on.
#pragma once

#include "l7/proxy/input.h"
#include "l7/runtime/stream.h"

namespace cardea::l7::proxy {

class AheadStream final : public Stream {
 public:
  // `lower` outlives it.
  AheadStream(Stream& lower, Input first);

  IoResult try_read(MutableBytes into) override;
  IoResult try_write(std::span<const iovec> from) override { return lower_.try_write(from); }
  size_t undelivered() const override { return lower_.undelivered(); }
  IoResult shutdown_write() override { return lower_.shutdown_write(); }
  void close(Close how = Close::kOrderly) override;
  bool ready(Direction direction) const override;
  void wait(Direction direction, Waiter& waiter) override;
  Endpoint peer() const override { return lower_.peer(); }
  Endpoint local() const override { return lower_.local(); }

 private:
  bool has_first(Direction direction) const { return direction == Direction::kRead && !first_.empty(); }

  Stream& lower_;
  Input first_;
};

}  // namespace cardea::l7::proxy
