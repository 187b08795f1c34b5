// What the session tells the client as it reads a backend's frames: heads and bodies go to their calls, and what a
// backend does too much of is counted. nghttp2 has judged each frame by then (RFC 9113 4 to 6, 8.1 to 8.3).
#include "l7/http2/callbacks.h"
#include "l7/http2/client.h"
#include "l7/http2/response_text.h"
#include "l7/http2/trailer_text.h"

namespace cardea::l7::http2 {
namespace {

Client& client(void* user) {
  return *static_cast<Client*>(user);
}

void spend(Client& c, Budget& budget, std::string_view what) {
  if (!budget.spend(c.stream.loop().now())) c.has_flooded(what);
}

constexpr size_t kTextKept = 4096;  // room of a head's, for the next one

// Why the head is none; empty: it is one.
std::string_view hand_over(Client& c, BackendStream& call, bool ended) {
  if (c.block.too_large()) return http::word(http::Fault::kHeadTooLarge);
  const http::Fault fault =
      write_response_text(c.text, c.block,
                          {.ended = ended,
                           .head_only = call.asks_for_head_only(),
                           .websocket_accept = call.websocket_accept()});
  if (fault != http::Fault::kNone) return http::word(fault);
  call.received_head(c.text);
  return {};
}

bool is_head(const Client& c) {
  return c.block.too_large() || (c.block.size() != 0 && c.block[0].name == ":status");
}

void give_to_call(Client& c, BackendStream* call, const nghttp2_frame& frame) {
  if (!call) return;
  if (c.block.lacks_memory()) return call->run_short();
  if (is_head(c)) {
    const std::string_view fault = hand_over(c, *call, ends_stream(frame));
    if (!fault.empty()) call->is_malformed(fault), call->reset(NGHTTP2_PROTOCOL_ERROR);
  } else if (write_trailer_text(c.text, c.block)) {
    call->received_trailers(c.text);
  } else {
    call->is_malformed("trailers"), call->reset(NGHTTP2_PROTOCOL_ERROR);
  }
  if (ends_stream(frame)) call->received_end();
}

void head_received(Client& c, const nghttp2_frame& frame) {
  c.floods.useful += frame.hd.length;
  give_to_call(c, c.call(frame.hd.stream_id), frame);
  c.block.end();
  if (c.text.capacity() > kTextKept) c.text = std::string();
}

void data_received(Client& c, const nghttp2_frame& frame) {
  if (!ends_stream(frame)) {
    if (frame.hd.length == 0) spend(c, c.floods.empty, "empty_data");
    return;
  }
  if (BackendStream* call = c.call(frame.hd.stream_id)) call->received_end();
}

int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  Client& c = client(user);
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
      head_received(c, *frame);
      break;
    case NGHTTP2_DATA:
      data_received(c, *frame);
      break;
    case NGHTTP2_PING:
      if (!is_ack(*frame)) spend(c, c.floods.pings, "pings");
      break;
    case NGHTTP2_SETTINGS:
      if (!is_ack(*frame)) c.settings_came();
      break;
    case NGHTTP2_GOAWAY:
      c.goes_away();
      break;
    case NGHTTP2_RST_STREAM:
      if (BackendStream* call = c.call(frame->hd.stream_id)) call->backend_reset();
      break;
    default:
      break;
  }
  return 0;
}

int on_block(nghttp2_session*, const nghttp2_frame*, void* user) {
  Client& c = client(user);
  c.block.begin(c.head_bytes_max);
  c.block_since = c.stream.loop().now();
  return 0;
}

// A head that is refused has to be decoded all the same, or what follows could not be; not for ever.
int on_field(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size, const uint8_t* value,
             size_t value_size, uint8_t, void* user) {
  Client& c = client(user);
  c.block.add({reinterpret_cast<const char*>(name), name_size}, {reinterpret_cast<const char*>(value), value_size});
  if (c.block.decoded_bytes() > 2 * c.head_bytes_max + proxy::Buffers::kPiece) c.has_flooded("fields");
  return 0;
}

int on_data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* bytes, size_t size, void* user) {
  Client& c = client(user);
  c.floods.useful += size;
  if (BackendStream* call = c.call(id)) {
    call->received({reinterpret_cast<const char*>(bytes), size});
  } else {
    c.session.consume_connection(size);
  }
  return 0;
}

int on_stream_close(nghttp2_session*, int32_t id, uint32_t code, void* user) {
  client(user).call_ended(id, code);
  return 0;
}

// A head that is malformed is over too, though no frame is told.
int on_invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int error, void* user) {
  Client& c = client(user);
  if (frame->hd.type == NGHTTP2_HEADERS) c.block.end();
  c.malformed(frame->hd.stream_id, nghttp2_strerror(error));
  return 0;
}

int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  Client& c = client(user);
  if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) return 0;
  c.floods.useful += frame->hd.length;
  BackendStream* call = c.call(frame->hd.stream_id);
  if (call && frame->hd.type == NGHTTP2_HEADERS) call->request_left();
  if (call && ends_stream(*frame)) call->sent_end();
  return 0;
}

}  // namespace

const nghttp2_session_callbacks* client_callbacks() {
  static const Callbacks callbacks = make_callbacks({.block = on_block,
                                                     .field = on_field,
                                                     .frame = on_frame,
                                                     .invalid_frame = on_invalid_frame,
                                                     .data = on_data,
                                                     .stream_close = on_stream_close,
                                                     .frame_sent = on_frame_sent,
                                                     .frame_not_sent = nullptr});
  return callbacks.get();
}

}  // namespace cardea::l7::http2
