#include "l7/http2/call_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "l7/http2/field_lines.h"

namespace cardea::l7::http2 {

using proxy::Buffers;

CallStream::Shortage::Shortage(CallStream& stream)
    : LoopTimer([](LoopTimer& timer) { static_cast<Shortage&>(timer).of.wake(Direction::kWrite); }), of(stream) {}

CallStream::CallStream(Session& session, int32_t id, proxy::Buffers& buffers, const Stream& connection)
    : Stream(connection.loop()),
      session_(session),
      id_(id),
      buffers_(buffers),
      connection_(connection),
      received_(buffers),
      shortage_(*this),
      stalled_(*this) {
  if (id != 0) session.attach(id, this);
}

CallStream::~CallStream() {
  shortage_.cancel();
  if (counted() != 0) session_.consume_connection(counted());  // of a stream that is closed too
  session_.narrow(widened_);
  if (!gone_ && id_ > 0) session_.attach(id_, nullptr);
}

void CallStream::taken(size_t bytes) {
  session_.consume(id_, bytes);
}

// Where a window of it goes on in less than a second, and nothing is left lying, what limits a body is how much of it may be
// under way. One that its client sends more slowly has no use for more.
void CallStream::went_on(size_t bytes) {
  constexpr std::chrono::seconds kKeepsUp{1};
  if (broken_ || gone_) return;
  const Instant now = loop().now();
  if (now > went_since_ + kKeepsUp) went_on_ = 0, went_since_ = now;
  went_on_ += bytes;
  if (received_.size() != 0 || went_on_ < session_.window(id_)) return;
  went_on_ = 0, went_since_ = now;
  widened_ += session_.widen(id_);
}

IoResult CallStream::try_read(MutableBytes into) {
  if (const size_t bytes = received_.take(into); bytes != 0) {
    const size_t text = std::min(bytes, text_);
    text_ -= text;
    if (bytes != text) taken(bytes - text);
    return IoResult::moved(bytes);
  }
  if (broken_) return IoResult::failed(ECONNRESET);
  if (!input_ended_) return IoResult::would_block();
  end_told_ = true;
  return IoResult::end();
}

bool CallStream::take_buffer(size_t bytes) {
  if (out_.buffer) return true;
  out_.buffer = buffers_.take(std::min(bytes, Buffers::kPiece));
  if (!out_.buffer && !shortage_.armed()) loop().arm(shortage_, loop().now() + Buffers::kShortagePause);
  return static_cast<bool>(out_.buffer);
}

IoResult CallStream::try_write(std::span<const iovec> from) {
  if (broken_ || finished_) return IoResult::failed(ECONNRESET);
  size_t wanted = 0, taken = 0;
  for (const iovec& piece : from) wanted += piece.iov_len;
  if (wanted == 0 || gone_) return IoResult::moved(wanted);  // its peer has ended it in order, and wants no more
  if (!take_buffer(wanted)) return IoResult::would_block();
  for (const iovec& piece : from) {
    const size_t part = std::min(piece.iov_len, out_.room().size());
    std::memcpy(out_.room().data(), piece.iov_base, part);
    out_.end += part;
    taken += part;
  }
  if (taken == 0) return IoResult::would_block();
  if (!stalled_.linked()) buffers_.note_stalled(stalled_, loop().now());
  go_on();
  return IoResult::moved(taken);
}

void CallStream::go_on() {
  if (waits_for_more_) session_.resume(id_);
  waits_for_more_ = false;
}

IoResult CallStream::shutdown_write() {
  if (broken_ || finished_) return IoResult::moved(0);
  finished_ = true;
  go_on();
  return IoResult::moved(0);
}

void CallStream::close(Close how) {
  if (how == Close::kReset) return reset(delivered_ ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
  shutdown_write();
}

void CallStream::reset(uint32_t code) {
  if (broken_ || gone_) return;
  session_.reset(id_, code);
  break_off();
}

void CallStream::run_short() {
  ran_short_ = true;
  reset(NGHTTP2_ENHANCE_YOUR_CALM);
}

void CallStream::break_off() {
  broken_ = true;
  if (counted() != 0) session_.consume_connection(counted());
  received_.clear();
  text_ = 0;
  out_.drop();
  stalled_.unlink();
  wake(Direction::kRead);
  wake(Direction::kWrite);
}

bool CallStream::has_room() const {
  if (gone_) return true;
  if (finished_) return delivered_;
  if (informational_ != 0) return false;
  return out_.buffer ? !out_.full() : !shortage_.armed();
}

bool CallStream::ready(Direction direction) const {
  if (broken_) return true;
  if (direction == Direction::kWrite) return has_room();
  return received_.size() != 0 || (input_ended_ && !end_told_);
}

void CallStream::wait(Direction direction, Waiter& waiter) {
  if (ready(direction)) return loop().schedule(waiter);
  waiting_[size_t(direction)].push_back(waiter);
}

void CallStream::wake(Direction direction) {
  while (Waiter* waiter = waiting_[size_t(direction)].pop_front()) loop().schedule(*waiter);
}

void CallStream::send_informational(std::span<const nghttp2_nv> fields) {
  if (broken_) return;
  session_.informational(id_, fields);
  ++informational_;
}

void CallStream::send_response(std::span<const nghttp2_nv> fields, bool body) {
  if (broken_) return;
  session_.response(id_, fields, body);
  finished_ = !body;
}

void CallStream::sent_head() {
  if (informational_ != 0) --informational_;
  wake(Direction::kWrite);
}

void CallStream::sent_end() {
  delivered_ = true;
  wake(Direction::kWrite);
}

// What nobody can keep is not waited for: the stream ends.
void CallStream::received(std::string_view bytes) {
  if (broken_) return session_.consume_connection(bytes.size());
  const size_t before = received_.size();
  if (!received_.append(bytes)) {
    session_.consume_connection(bytes.size() - (received_.size() - before));
    return run_short();
  }
  wake(Direction::kRead);
}

bool CallStream::put_text(std::string_view text) {
  if (!received_.append(text)) return false;
  text_ += text.size();
  wake(Direction::kRead);
  return true;
}

void CallStream::received_end() {
  input_ended_ = true;
  wake(Direction::kRead);
}

void CallStream::session_closed(uint32_t code) {
  gone_ = true;
  session_.narrow(std::exchange(widened_, 0));
  if (broken_) return;
  if (code != NGHTTP2_NO_ERROR || !input_ended_ || !delivered_) break_off();
}

void CallStream::hold(Held& to, std::string_view lines) {
  to = {};
  if (lines.empty()) return;
  to.buffer = buffers_.take(lines.size() <= Buffers::kFirst ? Buffers::kFirst : std::max(lines.size(), Buffers::kPiece));
  if (!to.buffer) return run_short();
  std::memcpy(to.buffer.span().data(), lines.data(), lines.size());
  to.size = lines.size();
}

void CallStream::give_trailers(uint32_t& flags) {
  if (trailers_out_.size == 0) return;
  flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  std::vector<nghttp2_nv> fields;
  append_fields(trailers_out_.buffer.span().first(trailers_out_.size), {}, fields);
  session_.trailers(id_, fields);
}

ssize_t CallStream::give(std::span<char> into, uint32_t& flags) {
  const std::string_view left = out_.buffer ? out_.left() : std::string_view();
  const size_t bytes = std::min(left.size(), into.size());
  if (bytes != 0) std::memcpy(into.data(), left.data(), bytes);
  out_.at += bytes;
  if (bytes != 0) buffers_.note_stalled(stalled_, loop().now());
  if (out_.empty()) out_.drop(), stalled_.unlink();
  if (out_.empty() && finished_) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    give_trailers(flags);
  } else if (bytes == 0) {
    waits_for_more_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  wake(Direction::kWrite);
  return ssize_t(bytes);
}

}  // namespace cardea::l7::http2
