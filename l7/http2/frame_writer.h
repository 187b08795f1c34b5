// Writes a session's frames to its connection, whichever end this is.
#pragma once

#include "l7/http2/session.h"
#include "l7/proxy/buffers.h"
#include "l7/runtime/stream.h"

namespace cardea::l7::http2 {

// Whose connection it is.
class FrameSource {
 public:
  FrameSource(Loop& loop, Stream& to, proxy::Buffers& its_buffers)
      : session(loop), stream(to), buffers(its_buffers), changed(loop) {}
  // The connection is of no use any more: whoever reads and whoever writes end together.
  void end();
  // So much waits to be written that no more is read: what comes would be answered too.
  bool is_behind() const { return session.queued() > kQueuedMax; }

  Session session;
  Stream& stream;
  proxy::Buffers& buffers;
  Signal changed;      // output went out, among other things
  bool ended = false;  // by end(), or about to be

 protected:
  ~FrameSource() = default;

 private:
  static constexpr size_t kQueuedMax = 1000;  // frames
};

// Until the connection ends, or the session is over, or the peer takes nothing for longer than it may.
Task<> write_frames(Arena& arena, FrameSource& from, PaceLimits limits);

}  // namespace cardea::l7::http2
