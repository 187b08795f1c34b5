// What the session tells the server as it reads frames: heads become calls, bodies go to their streams, and what a
// client does too much of is counted. nghttp2 has judged each frame by then (RFC 9113 4 to 6, 8.1 to 8.3).
#include <algorithm>
#include <cstring>

#include "l7/http2/callbacks.h"
#include "l7/http2/request_text.h"
#include "l7/http2/server.h"
#include "l7/http2/trailer_text.h"
#include "l7/proxy/record.h"

namespace cardea::l7::http2 {
namespace {

using proxy::Buffers;

Server& server(void* user) {
  return *static_cast<Server*>(user);
}

void spend(Server& s, Budget& budget, std::string_view what) {
  if (!budget.spend(s.loop().now())) s.flooded(what);
}

size_t head_bytes_max(const Server& s) {
  return s.connection.service().now().plan->header_bytes_max;
}

// The head as text, in the call's own input. False: there is no memory for it.
bool hand_over(Server& s, Call& call, bool ended) {
  if (s.block.lacks_memory()) return false;
  if (s.block.too_large()) {
    call.fault = http::Fault::kHeadTooLarge;
    return true;
  }
  call.input.buffer = s.connection.shard().buffers().take_for_new(request_text_max(s.block));
  if (!call.input.buffer) return false;
  const auto text = write_request_text(call.input.buffer.span(), s.block, ended, &call.end.websocket());
  if (text) {
    call.input.end = text->size();
  } else {
    call.fault = text.error();
  }
  return true;
}

// What is refused here was looked at by nobody: the client may send it again (RFC 9113 8.7).
void refuse(Server& s, int32_t stream) {
  s.session.reset(stream, NGHTTP2_REFUSED_STREAM);
}

void begin_call(Server& s, int32_t stream, bool ended) {
  if (s.calls_live >= Server::kLiveMax || !s.flood.empty()) return refuse(s, stream);
  auto call = std::make_unique<Call>(s, stream);
  if (!hand_over(s, *call, ended)) {
    count(s.connection.shard(), s.connection.shard().shared().rows.memory_refused);
    s.connection.shard().make_room();  // for when it asks again
    return refuse(s, stream);
  }
  if (ended) call->stream.received_end();
  s.begun.push_back(std::move(call));
}

// A block behind the first has trailers; their end is the request's.
void trailers_received(Server& s, const nghttp2_frame& frame) {
  CallStream* stream = s.session.attached(frame.hd.stream_id);
  if (!stream || !ends_stream(frame)) return;
  if (s.block.lacks_memory()) return stream->run_short();
  std::string lines;
  if (!write_trailer_text(lines, s.block)) {
    s.malformed("trailers");
    return stream->reset(s.block.too_large() ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
  }
  stream->received_trailers(lines);
  stream->received_end();
}

void head_received(Server& s, const nghttp2_frame& frame) {
  s.floods.useful += frame.hd.length;
  s.unfinished.unlink();  // before room is made of what is unfinished
  if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
    begin_call(s, frame.hd.stream_id, ends_stream(frame));
  } else {
    trailers_received(s, frame);
  }
  s.end_block();
}

void data_received(Server& s, const nghttp2_frame& frame) {
  if (!ends_stream(frame)) {
    if (frame.hd.length == 0) spend(s, s.floods.empty, "empty_data");
    return;
  }
  if (CallStream* stream = s.session.attached(frame.hd.stream_id)) stream->received_end();
}

void reset_received(Server& s, const nghttp2_frame& frame) {
  s.reset_by_peer = frame.hd.stream_id;
  const CallStream* stream = s.session.attached(frame.hd.stream_id);
  if (!stream || !stream->delivered()) spend(s, s.floods.resets, "resets");
}

void ping_received(Server& s, const nghttp2_frame& frame) {
  if (!is_ack(frame)) return spend(s, s.floods.pings, "pings");
  if (s.leaving == Server::Leaving::kAnnounced) s.leave_for_good();
}

void settings_received(Server& s, const nghttp2_frame& frame) {
  if (is_ack(frame)) return;
  s.saw_settings = true;
  spend(s, s.floods.settings, "settings");
}

int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  Server& s = server(user);
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
      head_received(s, *frame);
      break;
    case NGHTTP2_DATA:
      data_received(s, *frame);
      break;
    case NGHTTP2_RST_STREAM:
      reset_received(s, *frame);
      break;
    case NGHTTP2_PING:
      ping_received(s, *frame);
      break;
    case NGHTTP2_SETTINGS:
      settings_received(s, *frame);
      break;
    default:
      break;
  }
  return 0;
}

int on_block(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  Server& s = server(user);
  s.newest_stream = std::max(s.newest_stream, frame->hd.stream_id);
  s.block.begin(head_bytes_max(s));
  s.block_since = s.loop().now();
  return 0;
}

// A head that is refused has to be decoded all the same, or what follows could not be; not for ever.
int on_field(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size, const uint8_t* value,
             size_t value_size, uint8_t, void* user) {
  Server& s = server(user);
  s.block.add({reinterpret_cast<const char*>(name), name_size}, {reinterpret_cast<const char*>(value), value_size});
  if (s.block.decoded_bytes() > 2 * head_bytes_max(s) + Buffers::kPiece) s.flooded("fields");
  return 0;
}

int on_data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* bytes, size_t size, void* user) {
  Server& s = server(user);
  s.floods.useful += size;
  if (CallStream* stream = s.session.attached(id)) {
    stream->received({reinterpret_cast<const char*>(bytes), size});
  } else {
    s.session.consume_connection(size);
  }
  return 0;
}

int on_stream_close(nghttp2_session*, int32_t id, uint32_t code, void* user) {
  Server& s = server(user);
  s.ended_streams.add(id, id == s.reset_by_us     ? EndedStreams::How::kByUs
                          : id == s.reset_by_peer ? EndedStreams::How::kByPeer
                                                  : EndedStreams::How::kInOrder);
  if (CallStream* stream = s.session.attached(id)) stream->session_closed(code);
  return 0;
}

// A head that is malformed is over too, though no frame is told. One that is a request's has no call to say so; and of
// the call whose trailers are malformed, all that is known is that its stream was reset.
int on_invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int error, void* user) {
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  Server& s = server(user);
  s.end_block();
  const bool is_head = frame->headers.cat == NGHTTP2_HCAT_REQUEST;
  if (is_head || s.session.attached(frame->hd.stream_id)) s.malformed(nghttp2_strerror(error));
  return 0;
}

// Resets that the client brought about by what it sent; those that end a call are another matter.
bool is_provoked(uint32_t code) {
  return code == NGHTTP2_PROTOCOL_ERROR || code == NGHTTP2_FLOW_CONTROL_ERROR || code == NGHTTP2_STREAM_CLOSED ||
         code == NGHTTP2_FRAME_SIZE_ERROR || code == NGHTTP2_COMPRESSION_ERROR || code == NGHTTP2_REFUSED_STREAM;
}

int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  Server& s = server(user);
  if (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) {
    s.floods.useful += frame->hd.length;
    CallStream* stream = s.session.attached(frame->hd.stream_id);
    if (stream && frame->hd.type == NGHTTP2_HEADERS) stream->sent_head();
    if (stream && ends_stream(*frame)) stream->sent_end();
  }
  if (frame->hd.type == NGHTTP2_RST_STREAM) s.reset_by_us = frame->hd.stream_id;
  if (frame->hd.type == NGHTTP2_RST_STREAM && is_provoked(frame->rst_stream.error_code)) {
    spend(s, s.floods.provoked, "provoked_resets");
  }
  return 0;
}

// A head that could not be sent has no answer behind it.
int on_frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  if (CallStream* stream = server(user).session.attached(frame->hd.stream_id)) stream->reset(NGHTTP2_INTERNAL_ERROR);
  return 0;
}

}  // namespace

const nghttp2_session_callbacks* server_callbacks() {
  static const Callbacks callbacks = make_callbacks({.block = on_block,
                                                    .field = on_field,
                                                    .frame = on_frame,
                                                    .invalid_frame = on_invalid_frame,
                                                    .data = on_data,
                                                    .stream_close = on_stream_close,
                                                    .frame_sent = on_frame_sent,
                                                    .frame_not_sent = on_frame_not_sent});
  return callbacks.get();
}

}  // namespace cardea::l7::http2
