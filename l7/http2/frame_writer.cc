#include "l7/http2/frame_writer.h"

#include <array>
#include <cstring>

namespace cardea::l7::http2 {

using proxy::Buffer;

void FrameSource::end() {
  ended = true;
  session.wake_writer();
  changed.raise();
  stream.cancel();
}

// Small frames go out together, a large one from where the session has it. Flat: it waits beside the reader in one
// arena.
Task<> write_frames(Arena&, FrameSource& s, PaceLimits limits) {
  Pace pace(limits);
  while (!s.ended) {
    co_await s.session.output();
    Buffer gathered = s.buffers.take();
    const std::span<char> room = gathered ? gathered.span() : std::span<char>();
    size_t used = 0;
    for (bool more = true; more && !s.ended;) {
      const std::string_view frame = s.session.next_output();
      more = !frame.empty();
      if (more && frame.size() <= room.size() - used) {
        std::memcpy(room.data() + used, frame.data(), frame.size());
        used += frame.size();
        continue;
      }
      std::array<iovec, 2> pieces{iovec{room.data(), used}, iovec{const_cast<char*>(frame.data()), frame.size()}};
      const IoResult written = co_await s.stream.write_all(std::span(pieces), pace);
      used = 0;
      if (!written.ok()) s.end();
    }
    s.changed.raise();
    if (s.session.over()) s.end();
  }
}

}  // namespace cardea::l7::http2
