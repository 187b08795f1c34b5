// TLS as a Stream over a Stream: OpenSSL reads and writes through the lower stream's try_ calls, with no memory BIO and
// no copy in between. The handshake is awaited first; whatever is sent instead of TLS ends it with a reason. When idle
// it holds no record buffers (SSL_MODE_RELEASE_BUFFERS).
// OpenSSL goes on inside one call while what it reads is no data (key updates, tickets, hellos, alerts, empty records):
// a peer that sends more than kQuietMax of those in a row is cut off, and the few are paid from the turn's budget.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "l7/runtime/stream.h"
#include "l7/tls/context.h"
#include "l7/tls/ja4.h"

namespace cardea::l7::tls {

// Why a handshake failed, as one word for logs and counters.
enum class Failure : uint8_t {
  kNone,
  kTimeout,
  kCancelled,       // close() or cancel()
  kClosed,          // the peer closed or reset before the handshake was done
  kNotTls,          // something else than TLS arrived: a plain HTTP request, garbage
  kVersion,         // no TLS version in common
  kNoSharedCipher,  // no cipher, group or signature algorithm in common
  kNoProtocol,      // ALPN without a protocol in common
  kPeerAlert,       // the peer refused
  kCertificate,     // the peer's certificate was not accepted
  kOther,
};
std::string_view word(Failure failure);  // "not_tls", …

struct Handshake {
  Failure failure = Failure::kNone;
  const char* detail = "";  // OpenSSL's own words, static; empty when they would add nothing
  bool spoke = false;       // bytes of ours went out, an alert as the last of them: the peer is in a TLS conversation
  bool plain_text = false;  // kNotTls, the peer began with text and heard nothing yet: it may be answered as text
  bool of_the_name = false;  // the peer's certificate is for other names, or it said that it knows none such
  bool ok() const { return failure == Failure::kNone; }
};

class HandshakeOperation;

class TlsStream final : public Stream {
 public:
  static constexpr uint16_t kQuietMax = 32;  // records, or messages, after the handshake without a byte of data

  // `lower` outlives this stream and is used by nobody else from now on. The context outlives the handshake.
  TlsStream(ServerContext& context, Stream& lower);
  // `server_name`: asked for by SNI and, when the context verifies, matched (an IP address is matched, not asked for).
  TlsStream(ClientContext& context, Stream& lower, const std::string& server_name, SessionSlot* session = nullptr);
  ~TlsStream() override;

  HandshakeOperation handshake(Instant deadline);  // co_await: Handshake; before anything else, once

  IoResult try_read(MutableBytes into) override;
  IoResult try_write(std::span<const iovec> from) override;
  size_t undelivered() const override { return lower_.undelivered(); }
  IoResult shutdown_write() override;                // close_notify, then the lower stream's
  void close(Close how = Close::kOrderly) override;  // close_notify if it fits, then the lower stream
  bool ready(Direction direction) const override;
  void wait(Direction direction, Waiter& waiter) override;
  Endpoint peer() const override { return lower_.peer(); }
  Endpoint local() const override { return lower_.local(); }

  // After the handshake.
  std::string_view version() const;  // "TLSv1.3"
  std::string_view cipher() const;
  std::string_view alpn() const;         // empty when none was agreed
  std::string_view server_name() const;  // what the client asked for, empty when nothing
  bool resumed() const;
  // What its first ClientHello was like, of a server's; empty before that came.
  const Ja4& ja4() const { return ja4_; }
  // A record came in part: OpenSSL keeps a buffer for it until the rest is here.
  bool holds_record() const { return records_held_ > 0; }
  SSL* ssl() const { return ssl_; }  // for questions this class has no words for

 private:
  friend class HandshakeOperation;
  friend struct LowerBio;
  friend struct ContextCallbacks;

  void attach(SSL_CTX* context);
  IoSlot::Attempt try_handshake();
  IoResult classify(int returned, Direction direction);
  IoResult send_close_notify();
  void note_what_is_held();
  void note_records(size_t held_before);
  void note_received(int content, std::string_view message);  // a record's head or a message, before OpenSSL acts on it
  void pay_for_quiet(uint16_t records);
  bool is_of_the_name() const;
  IoResult broken_result();
  void count_flood();

  Stream& lower_;
  SSL* ssl_ = nullptr;
  ServerContext* server_ = nullptr;
  SessionSlot* session_ = nullptr;
  Handshake handshake_;
  int lower_error_ = 0;  // errno of the lower stream's failure
  uint16_t quiet_records_ = 0, quiet_messages_ = 0;  // since the last data
  uint16_t handshake_left_ = 0;  // bytes that this try may read
  Ja4 ja4_;
  char first_byte_ = 0;          // of all that came
  int16_t records_held_ = 0;     // by reading
  bool lower_read_ = false, lower_wrote_ = false;  // anything at all
  bool flooded_ = false;
  bool other_name_ = false;  // the peer's certificate, refused for whatever reason, does not cover its name either
  bool established_ = false;
  bool broken_ = false;       // a fatal error: OpenSSL must not be asked again
  bool lower_ended_ = false;  // the lower stream ended
  bool close_notify_sent_ = false;
  bool closed_ = false;
  IoResult broken_result_;
  // What the last try in a direction has to wait for: the other direction when OpenSSL had something of its own to do.
  Direction waits_for_[2] = {Direction::kRead, Direction::kWrite};
  bool blocked_[2] = {false, false};
};

class [[nodiscard]] HandshakeOperation {
 public:
  HandshakeOperation(TlsStream& stream, Instant deadline) : stream_(stream), deadline_(deadline) {}
  HandshakeOperation(const HandshakeOperation&) = delete;
  ~HandshakeOperation();
  bool await_ready();
  void await_suspend(std::coroutine_handle<> handle);
  Handshake await_resume();

 private:
  TlsStream& stream_;
  Instant deadline_;
  IoSlot::Attempt waits_for_ = IoSlot::Attempt::kDone;
  Wake wake_ = Wake::kReady;
};
inline HandshakeOperation TlsStream::handshake(Instant deadline) {
  return {*this, deadline};
}

}  // namespace cardea::l7::tls
