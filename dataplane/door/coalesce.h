// Frames of one TCP flow that follow each other, given to the kernel as one (what Linux calls GRO): for the TAP one
// system call instead of many, for the kernel's TCP one large packet. Frames are put together only when cutting them
// again would give the same packets, and only when their checksums are right: the kernel does not look at those of what
// was put together.
#pragma once

#include <sys/uio.h>

#include <array>
#include <span>

#include "base/bytes.h"
#include "dataplane/door/virtio_header.h"
#include "dataplane/wire/frame.h"

namespace cardea::dataplane {

class Coalescer {
 public:
  static constexpr uint32_t kFramesMax = 64;

  // Takes the frame behind those it has. false: it does not belong there; finish() first. The bytes stay where they are
  // until then, and the first frame's headers are changed by finish().
  bool add(MutableBytes frame);
  // What to write to the TAP, valid until the next add(); empty when nothing was added.
  std::span<const iovec> finish();
  uint32_t frames() const { return count_; }

 private:
  struct Segment {
    MutableBytes frame;
    wire::Frame read;
    FlowTuple tuple;
    uint32_t payload_at = 0, payload = 0;  // of a TCP segment that may be put together; payload 0: it may not
  };
  static Segment read(MutableBytes frame);
  bool follows(const Segment& next) const;
  bool sum_right(const Segment& segment) const;
  void write_headers();

  VirtioHeader header_{};
  Segment first_;
  bool first_sum_right_ = false, open_ = false;
  uint32_t count_ = 0, bytes_ = 0;  // bytes of payload
  std::array<iovec, kFramesMax + 1> pieces_{};
};

}  // namespace cardea::dataplane
