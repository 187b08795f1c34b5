#include "l7/http2/server.h"

#include <algorithm>

#include "l7/proxy/record.h"

namespace cardea::l7::http2 {
namespace {

constexpr std::chrono::seconds kHearing{1};  // how long a client may take to hear that the connection will end

// What comes on a stream that the session has forgotten. Frames that crossed a reset of ours are late; for all others
// there is no excuse (RFC 9113 5.1, 5.1.1).
void judge_late(Server& s, int32_t stream) {
  switch (s.ended_streams.find(stream)) {
    case EndedStreams::How::kByUs:
      return;
    case EndedStreams::How::kByPeer:
      return s.session.reset(stream, NGHTTP2_STREAM_CLOSED);
    case EndedStreams::How::kInOrder:
      return s.session.terminate(NGHTTP2_STREAM_CLOSED);
    case EndedStreams::How::kUnknown:
      return s.session.terminate(NGHTTP2_PROTOCOL_ERROR);
  }
}

// Priorities are not used, and their frames not looked at by the session, but they have to be frames (RFC 9113 6.3).
void judge_priority(Server& s, const FrameHead& frame) {
  if (frame.stream == 0 || frame.first_word == frame.stream) return s.session.terminate(NGHTTP2_PROTOCOL_ERROR);
  if (frame.size != 5) s.session.terminate(NGHTTP2_FRAME_SIZE_ERROR);
}

// A request that never became one.
void record_refusal(Server& s, std::string_view reason, std::string_view detail) {
  proxy::Connection& c = s.connection;
  proxy::Record record = begin_record(c, *c.service().now().plan, c.service().plan->plan->generation);
  record.protocol = "HTTP/2.0";
  record.reason = reason;
  record.detail = detail;
  record.ended = record.began;
  write(c.shard(), record);
}

// What the session would let pass.
void judge(Server& s, const FrameHead& frame) {
  if (s.block.open()) return;
  if (frame.type == NGHTTP2_PRIORITY) return judge_priority(s, frame);
  if (frame.type != NGHTTP2_DATA && frame.type != NGHTTP2_HEADERS) return;
  const auto stream = int32_t(frame.stream);
  const bool was_opened = stream % 2 == 1 && stream <= s.newest_stream;
  if (was_opened && s.leaving != Server::Leaving::kForGood && !s.session.knows(stream)) judge_late(s, stream);
}

}  // namespace

Server::Server(proxy::Connection& of)
    : FrameSource(of.loop(), of.stream(), of.shard().buffers()),
      connection(of),
      began(of.loop().now()),
      idle_since(began),
      calls(of.loop()) {
  session.open(server_callbacks(), this, kCallsMax);
  connection.occupant = this;
  if (connection.service().gone) leave();
}

Server::~Server() {
  connection.occupant = nullptr;
}

void Server::leave() {
  if (leaving != Leaving::kNo) return;
  leaving = Leaving::kAnnounced;
  announced = loop().now();
  end_tunnels();
  session.announce_end();
  renew_deadline();
}

// None of them ends by itself.
void Server::end_tunnels() {
  List<Call> seen;
  while (Call* call = live.pop_front()) {
    seen.push_back(*call);
    if (call->occupant) call->occupant->leave();
  }
  live.take_all(seen);
}

void Server::leave_for_good() {
  if (leaving == Leaving::kForGood) return;
  leaving = Leaving::kForGood;
  session.end_new_streams();
}

void Server::call_ended() {
  if (--calls_live == 0) idle_since = loop().now();
  changed.raise();
  if (!ended) renew_deadline();
}

void Server::renew_deadline() {
  IoSlot& reading = connection.stream().slot(Direction::kRead);
  if (reading.busy()) reading.renew(deadline());
}

Instant Server::deadline() const {
  const ServicePlan& plan = *connection.service().now().plan;
  Instant first = kNever;
  if (!saw_settings) first = began + plan.request_timeout;
  if (block.open()) first = std::min(first, block_since + plan.request_timeout);
  if (leaving == Leaving::kAnnounced) first = std::min(first, announced + kHearing);
  if (calls_live == 0 && leaving != Leaving::kForGood) first = std::min(first, idle_since + plan.idle_timeout);
  return first;
}

void Server::malformed(std::string_view why) {
  record_refusal(*this, "http2_malformed", why);
}

void Server::flooded(std::string_view what) {
  if (!flood.empty()) return;
  flood = what;
  count(connection.shard(), connection.service().now().plan->rows.http2_floods);
  session.terminate(NGHTTP2_ENHANCE_YOUR_CALM);
}

void Server::end_block() {
  block.end();
  unfinished.unlink();
  unfinished.gives_way = false;
}

void Server::give_way() {
  if (!block.open()) return;
  end_block();
  record_refusal(*this, word(proxy::Reason::kMemory), {});
  session.terminate(NGHTTP2_ENHANCE_YOUR_CALM);
}

void Server::take_in(std::string_view bytes) {
  floods.bytes += bytes.size();
  std::optional<FrameHead> head;
  while (!bytes.empty()) {
    const std::string_view part = frames.next(bytes, head);
    block.comes(part.size());
    if (!part.empty() && !session.feed(part)) ended = true;
    if (ended) return;
    bytes.remove_prefix(part.size());
    if (head) judge(*this, *head);
  }
  if (floods.mostly_useless()) flooded("overhead");
}

void Server::start_calls() {
  for (std::unique_ptr<Call>& call : begun) calls.start(run, std::move(call));
  begun.clear();
}

void Server::break_calls() {
  while (Call* call = live.pop_front()) call->stream.session_closed(NGHTTP2_CANCEL);
  begun.clear();
}

}  // namespace cardea::l7::http2
