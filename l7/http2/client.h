// A backend's connection that speaks HTTP/2, where this proxy is the client: one coroutine reads frames, one writes what
// is to be written, once a turn for all calls. A call is whoever has a BackendStream of it; the connection tells them
// what comes, and its owner when it has room for more, for fewer, or ends. What a backend does too much of ends it.
#pragma once

#include <string>

#include "l7/http2/backend_stream.h"
#include "l7/http2/floods.h"
#include "l7/http2/frame_writer.h"
#include "l7/http2/header_block.h"
#include "l7/http2/request_fields.h"
#include "l7/runtime/task.h"

namespace cardea::l7::http2 {

struct Client : FrameSource {
  // Of one connection, however many more the backend would take: what it breaks off then is not more than that.
  static constexpr uint32_t kCallsMax = 100;

  struct Limits {
    uint32_t head_bytes_max = 0;         // of a response
    std::chrono::milliseconds stall{};   // the backend takes nothing for so long
  };
  Client(Loop& loop, Stream& to, proxy::Buffers& buffers, bool by_tls, const Limits& limits);
  virtual ~Client() = default;

  // So many more calls may begin now.
  uint32_t room() const;
  // The backend has said that it knows RFC 8441.
  bool takes_websockets() const { return session.remote(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1; }
  // From BackendStream.
  void began(BackendStream& call);
  // Nothing is heard of the backend. It is asked for a sign, and gets no more calls until one comes.
  void doubt();
  // Takes in what came and was not heard yet: above all, that it ended.
  void hear();

  // The backend said what it takes: calls may begin. Or it takes no more, or the connection ended.
  virtual void changed_room() = 0;
  virtual void flooded() = 0;

  // From the session.
  void settings_came();
  void call_ended(int32_t id, uint32_t code);
  void goes_away();
  void has_flooded(std::string_view what);
  void malformed(int32_t id, std::string_view why);
  // Bytes that came.
  void take_in(std::string_view bytes);
  // What is left has no connection any more.
  void break_calls();

  BackendStream* call(int32_t id) const { return static_cast<BackendStream*>(session.attached(id)); }

  const bool secure;
  const uint32_t head_bytes_max;
  const PaceLimits pace;
  RequestFields fields;
  HeaderBlock block{buffers, HeaderBlock::From::kBackend};  // of the one head that is arriving
  std::string text;   // of the one that arrived last
  Floods floods;
  std::string_view flood;     // what it was
  uint32_t calls = 0;         // streams that the session has not closed
  uint32_t calls_max = kCallsMax;
  List<BackendStream> live;   // those of them that somebody has
  bool ready = false;         // the backend's SETTINGS came
  bool leaving = false;       // it takes no more calls
  bool doubted = false;
  Instant heard{};            // when something came last
  Instant block_since{};
};

// Until the connection ends.
Task<> run(Arena& arena, Client& client);

const nghttp2_session_callbacks* client_callbacks();

}  // namespace cardea::l7::http2
