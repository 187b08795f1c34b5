// What both ends of a session have in common in being told of frames by nghttp2: the list of who is told, made once and
// kept for all sessions of that end, and what a frame's flags say.
#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>

namespace cardea::l7::http2 {

inline bool ends_stream(const nghttp2_frame& frame) {
  return (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}
inline bool is_ack(const nghttp2_frame& frame) {
  return (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0;
}

// Null: that is not heard.
struct Told {
  nghttp2_on_begin_headers_callback block = nullptr;
  nghttp2_on_header_callback field = nullptr;
  nghttp2_on_frame_recv_callback frame = nullptr;
  nghttp2_on_invalid_frame_recv_callback invalid_frame = nullptr;
  nghttp2_on_data_chunk_recv_callback data = nullptr;
  nghttp2_on_stream_close_callback stream_close = nullptr;
  nghttp2_on_frame_send_callback frame_sent = nullptr;
  nghttp2_on_frame_not_send_callback frame_not_sent = nullptr;
};

struct FreeCallbacks {
  void operator()(nghttp2_session_callbacks* callbacks) const { nghttp2_session_callbacks_del(callbacks); }
};
using Callbacks = std::unique_ptr<nghttp2_session_callbacks, FreeCallbacks>;
Callbacks make_callbacks(const Told& told);

}  // namespace cardea::l7::http2
