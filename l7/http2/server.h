// A client's connection that speaks HTTP/2, from its first SETTINGS to its last GOAWAY: one coroutine reads frames, one
// writes what is to be written, once a turn for all calls, and each call is a coroutine of its own that ends with the
// connection at the latest.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "l7/http2/call.h"
#include "l7/http2/ended_streams.h"
#include "l7/http2/floods.h"
#include "l7/http2/frame_heads.h"
#include "l7/http2/header_block.h"
#include "l7/http2/response_fields.h"
#include "l7/http2/frame_writer.h"
#include "l7/proxy/connection.h"
#include "l7/runtime/spawn.h"

namespace cardea::l7::http2 {

struct Server final : proxy::Occupant, FrameSource {
  static constexpr uint32_t kCallsMax = 100;
  // With those whose stream has ended, or was reset, and that are not over yet: an honest client asks for the next
  // hundred as soon as it has the last.
  static constexpr uint32_t kLiveMax = 2 * kCallsMax;

  explicit Server(proxy::Connection& of);
  ~Server() override;
  Arena& arena() { return connection.arena(); }
  Loop& loop() const { return connection.loop(); }

  void leave() override;
  void end_tunnels();
  // The client heard that no more calls are taken.
  void leave_for_good();
  void call_ended();
  // The reader looks up then, whatever comes.
  Instant deadline() const;
  // Bytes that came, frame by frame.
  void take_in(std::string_view bytes);
  // What was begun by what was read runs until it first waits.
  void start_calls();
  void renew_deadline();
  // The connection is of no use to the calls that are left.
  void break_calls();
  // A request whose head, or whose trailers, are malformed: its stream was reset, and it is counted and logged all the same.
  void malformed(std::string_view why);
  // The connection ends for what its client does too much of.
  void flooded(std::string_view what);
  // The head that was arriving is whole, or is none.
  void end_block();
  // It held memory for longest when there was none, or finds no more: as with HTTP/1 its client is cut off. HPACK has
  // one state for all of a connection, so that the head cannot be dropped alone.
  void give_way();

  proxy::Connection& connection;
  FrameHeads frames;
  HeaderBlock block{buffers, HeaderBlock::From::kClient};  // of the one head that is arriving
  proxy::UnfinishedHead unfinished{stream};                // linked while more of that is waited for
  ResponseFields fields;
  Floods floods;
  std::string_view flood;  // what it was
  EndedStreams ended_streams;
  int32_t newest_stream = 0;                   // of all that were opened
  int32_t reset_by_peer = 0, reset_by_us = 0;  // last
  std::vector<std::unique_ptr<Call>> begun;    // by what was read last, and not started yet
  List<Call> live;                             // whose stream the session knows
  size_t calls_live = 0;
  bool saw_settings = false;  // the client's preface is whole
  enum class Leaving : uint8_t { kNo, kAnnounced, kForGood } leaving = Leaving::kNo;
  Instant began, idle_since, block_since{}, announced{};
  TaskGroup calls;  // last: they go first
};

// The session's callbacks, for Session::open.
const nghttp2_session_callbacks* server_callbacks();

}  // namespace cardea::l7::http2
