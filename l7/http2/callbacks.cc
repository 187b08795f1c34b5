#include "l7/http2/callbacks.h"

#include "base/check.h"

namespace cardea::l7::http2 {

Callbacks make_callbacks(const Told& told) {
  nghttp2_session_callbacks* made = nullptr;
  CHECK(nghttp2_session_callbacks_new(&made) == 0, "out of memory");
  nghttp2_session_callbacks_set_on_begin_headers_callback(made, told.block);
  nghttp2_session_callbacks_set_on_header_callback(made, told.field);
  nghttp2_session_callbacks_set_on_frame_recv_callback(made, told.frame);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, told.invalid_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, told.data);
  nghttp2_session_callbacks_set_on_stream_close_callback(made, told.stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(made, told.frame_sent);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(made, told.frame_not_sent);
  return Callbacks(made);
}

}  // namespace cardea::l7::http2
