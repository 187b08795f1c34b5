// One stream of a connection as a Stream of the bytes of its bodies: what is read came in DATA, what is written goes
// out in DATA, and the end of either side is END_STREAM. So everything above takes it for a connection of its own. What
// is written waits in one buffer of the shard's until the client's windows let it go.
#pragma once

#include <string>

#include "l7/http2/received_bytes.h"
#include "l7/http2/session.h"
#include "l7/proxy/input.h"
#include "l7/runtime/stream.h"

namespace cardea::l7::http2 {

class CallStream : public Stream {
 public:
  CallStream(Session& session, int32_t id, proxy::Buffers& buffers, const Stream& connection);
  ~CallStream() override;

  IoResult try_read(MutableBytes into) override;
  IoResult try_write(std::span<const iovec> from) override;
  size_t undelivered() const override { return out_.end - out_.at; }
  IoResult shutdown_write() override;
  void close(Close how = Close::kOrderly) override;  // kReset: RST_STREAM
  // Writable, after shutdown_write: everything went out, the end too.
  bool ready(Direction direction) const override;
  void wait(Direction direction, Waiter& waiter) override;
  Endpoint peer() const override { return connection_.peer(); }
  Endpoint local() const override { return connection_.local(); }

  // A response's head, or one before it, behind which the stream is not writable until the session gave it out. Without
  // a body nothing can be written behind it.
  void send_informational(std::span<const nghttp2_nv> fields);
  void send_response(std::span<const nghttp2_nv> fields, bool body);
  void reset(uint32_t code);
  // What follows the body, as lines: what came, once the end was read; and what goes out, with the end.
  std::string_view trailers() const { return trailers_in_.view(); }
  void send_trailers(std::string_view lines) { hold(trailers_out_, lines); }
  // So much of what was read went on to whom it is for.
  void went_on(size_t bytes);
  // Who read the end by now only watched the client: it is still to be read.
  void tell_end_again() { end_told_ = false; }

  void run_short();  // it is ended for want of buffers
  bool ran_short() const { return ran_short_; }
  bool broken() const { return broken_; }        // ended before its time, by whomever
  bool delivered() const { return delivered_; }  // the response's end went out
  bool closed() const { return gone_; }          // the session has forgotten it

  // From the session.
  void sent_head();
  void sent_end();
  void received(std::string_view bytes);
  void received_trailers(std::string_view lines) { hold(trailers_in_, lines); }
  void received_end();
  virtual void session_closed(uint32_t code);
  ssize_t give(std::span<char> into, uint32_t& flags);

 protected:
  void break_off();
  void wake(Direction direction);
  // Text that did not come as DATA, to be read before all that does. False: there is no memory for it.
  bool put_text(std::string_view text);
  size_t text_left() const { return text_; }  // of that

  Session& session_;
  int32_t id_;  // 0: of none yet
  bool input_ended_ = false, end_told_ = false;
  bool finished_ = false;  // nothing more will be written
  bool delivered_ = false, broken_ = false, gone_ = false, ran_short_ = false;

 private:
  bool has_room() const;
  bool take_buffer(size_t bytes);
  void give_trailers(uint32_t& flags);
  void go_on();  // there is something to give, or nothing more will come
  void taken(size_t bytes);  // by whom it is for
  size_t counted() const { return received_.size() - text_; }  // by the windows

  // No buffer could be had: it is tried again in a while.
  struct Shortage : LoopTimer {
    explicit Shortage(CallStream& stream);
    CallStream& of;
  };

  // What it holds for a client whose window is shut gives way where buffers are short.
  struct Stalled final : proxy::StalledHolder {
    explicit Stalled(CallStream& stream) : of(stream) {}
    void give_way() override { of.run_short(); }
    CallStream& of;
  };

  // Text that waits for its turn.
  struct Held {
    std::string_view view() const { return {buffer.span().data(), size}; }
    proxy::Buffer buffer;
    size_t size = 0;
  };
  void hold(Held& to, std::string_view lines);  // where there is no memory for it, the stream runs short

  proxy::Buffers& buffers_;
  const Stream& connection_;
  ReceivedBytes received_;
  size_t went_on_ = 0;  // since the window was as wide as it is, or longer ago than kKeepsUp
  Instant went_since_{};
  size_t widened_ = 0;  // of the session's
  size_t text_ = 0;  // of what was received, at its beginning
  proxy::Input out_;
  Shortage shortage_;
  Stalled stalled_;
  List<Waiter> waiting_[2];
  Held trailers_in_, trailers_out_;
  size_t informational_ = 0;  // heads before the response's that the session has not given out
  bool waits_for_more_ = false;  // the session does, for something to send
};

}  // namespace cardea::l7::http2
