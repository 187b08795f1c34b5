// The framing of one connection: nghttp2's session, in words of our own. It turns bytes that came into calls of its
// callbacks, and what was submitted into bytes to be written; nothing in it does I/O. It must not be fed, nor asked for
// output, from inside a callback: what callbacks decide is submitted there, and goes out with the connection's next
// write.
#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <span>
#include <string_view>

#include "l7/runtime/signal.h"

namespace cardea::l7::http2 {

class CallStream;

class Session {
 public:
  explicit Session(Loop& loop) : output_(loop) {}

  // As the server of a connection that begins. `user`: the callbacks' last argument.
  void open(const nghttp2_session_callbacks* callbacks, void* user, uint32_t streams_max);
  // As its client. `head_bytes_max`: as much of a response's head is taken, which the server is told. `calls_max`: so many
  // may be under way.
  void open_client(const nghttp2_session_callbacks* callbacks, void* user, uint32_t head_bytes_max, uint32_t calls_max);

  // What arrived. False: it is no HTTP/2, or there is no memory for it; the connection has no future.
  bool feed(std::string_view bytes);
  // What has to be written next, a frame or several; valid until the next call. Empty: nothing.
  std::string_view next_output();
  // Whoever writes waits for this.
  Signal::Wait output() { return output_.wait(); }
  void wake_writer() { output_.raise(); }
  // So many frames wait to be written, besides data.
  size_t queued() const { return nghttp2_session_get_outbound_queue_size(at_.get()); }
  // Nothing more is expected, and nothing is left to be said.
  bool over() const;

  // Asks the server, of a stream that `to` has from now on. The stream's number; less than 1: it cannot be asked more.
  int32_t request(std::span<const nghttp2_nv> fields, bool body, CallStream* to);
  // What the server said about itself.
  uint32_t remote(nghttp2_settings_id id) const { return nghttp2_session_get_remote_settings(at_.get(), id); }
  // It takes more streams, for all that is known.
  bool may_ask() const { return nghttp2_session_check_request_allowed(at_.get()) != 0; }
  void ping();

  // The fields of a head, to be sent now. With a body, the stream is asked for it until it ends.
  void informational(int32_t stream, std::span<const nghttp2_nv> fields);
  void response(int32_t stream, std::span<const nghttp2_nv> fields, bool body);
  void trailers(int32_t stream, std::span<const nghttp2_nv> fields);  // behind its body, whose end they are
  void resume(int32_t stream);  // there is something to send, of a stream that had nothing
  void reset(int32_t stream, uint32_t code);
  // So many bytes of its body were used: the client may send as many again.
  void consume(int32_t stream, size_t bytes);
  // How much of it may be ahead of us; and more of that, as long as all streams together leave half of the connection's window
  // for others. How much more: it is given back when the stream has ended. Nothing changes for a backend's: what its client leaves
  // lying there costs the other clients nothing.
  size_t window(int32_t stream) const;
  size_t widen(int32_t stream);
  void narrow(size_t bytes) { widened_ -= bytes; }
  void consume_connection(size_t bytes);

  void attach(int32_t stream, CallStream* to);  // null: nobody
  CallStream* attached(int32_t stream) const;
  bool knows(int32_t stream) const { return nghttp2_session_find_stream(at_.get(), stream) != nullptr; }

  // No new streams from now on: first as a wish, that what is under way to us still counts; after the client heard it,
  // for good (RFC 9113 6.8).
  void announce_end();
  void end_new_streams();
  // Ends the connection for a reason, once it was said.
  void terminate(uint32_t code);

 private:
  struct Free {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  std::unique_ptr<nghttp2_session, Free> at_;
  Signal output_;
  size_t window_max_ = 0, widened_ = 0;
};

}  // namespace cardea::l7::http2
