#include "l7/tls/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/stats.h"
#include "l7/tls/crypto_memory.h"
#include "l7/tls/handshake_failure.h"

namespace cardea::l7::tls {
namespace {

constexpr size_t kRecordBytes = 16384;  // RFC 8446 5.1
// One try of the handshake reads no more: in records of one byte that is half a millisecond's work.
constexpr uint16_t kHandshakeBytesPerTry = 16384;
constexpr size_t kQuietRecordPrice = 4096;  // bytes of the turn's budget: a key update costs as much as decrypting these

// OpenSSL ended the connection by limits of its own: five alerts that warn, 32 empty records.
bool is_flood(unsigned long code) {
  const int reason = ERR_GET_REASON(code);
  return ERR_GET_LIB(code) == ERR_LIB_SSL && (reason == SSL_R_TOO_MANY_WARN_ALERTS || reason == SSL_R_RECORD_TOO_SMALL);
}

// As a request line begins, or the banner of another protocol.
bool begins_text(char c) {
  return c > ' ' && c <= '~';
}

constexpr size_t index(Direction direction) {
  return static_cast<size_t>(direction);
}

}  // namespace

// The lower stream as OpenSSL sees it.
struct LowerBio {
  static TlsStream& stream(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, size_t bytes, size_t* got) {
    TlsStream& self = stream(bio);
    if (!self.established_) bytes = std::min<size_t>(bytes, self.handshake_left_);
    if (bytes == 0) return answer(bio, self, IoResult::would_block(), BIO_FLAGS_READ);
    const IoResult result = self.lower_.try_read(std::as_writable_bytes(std::span(into, bytes)));
    *got = result.bytes;
    if (!self.established_ && result.ok()) note_first(self, into, result.bytes);
    return answer(bio, self, result, BIO_FLAGS_READ);
  }

  static void note_first(TlsStream& self, const char* into, size_t bytes) {
    self.handshake_left_ = static_cast<uint16_t>(self.handshake_left_ - bytes);
    if (!std::exchange(self.lower_read_, true)) self.first_byte_ = *into;
  }

  static int write(BIO* bio, const char* from, size_t bytes, size_t* taken) {
    TlsStream& self = stream(bio);
    const iovec piece{const_cast<char*>(from), bytes};
    const IoResult result = self.lower_.try_write({&piece, 1});
    *taken = result.bytes;
    self.lower_wrote_ |= result.bytes != 0;
    return answer(bio, self, result, BIO_FLAGS_WRITE);
  }

  // Like a socket's BIO: 0 is the end, everything else that moved nothing is -1. (OpenSSL takes a 0 from a write for
  // sent when it repeats a close_notify.)
  static int answer(BIO* bio, TlsStream& self, const IoResult& result, int retry_flag) {
    BIO_clear_retry_flags(bio);
    if (result.ok()) return 1;
    if (result.status == IoStatus::kWouldBlock) BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
    if (result.status == IoStatus::kEnd) self.lower_ended_ = true;
    if (result.status == IoStatus::kError) self.lower_error_ = result.error;
    if (result.status == IoStatus::kCancelled) self.lower_error_ = ECANCELED;
    return result.status == IoStatus::kEnd ? 0 : -1;
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return stream(bio).lower_ended_;
    return 0;
  }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* made = [] {
      BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "cardea stream");
      CHECK(method, "out of memory");
      BIO_meth_set_read_ex(method, read);
      BIO_meth_set_write_ex(method, write);
      BIO_meth_set_ctrl(method, control);
      return method;
    }();
    return made;
  }
};

TlsStream::TlsStream(ServerContext& context, Stream& lower) : Stream(lower.loop()), lower_(lower), server_(&context) {
  attach(context.default_context());
  SSL_set_accept_state(ssl_);
}

TlsStream::TlsStream(ClientContext& context, Stream& lower, const std::string& server_name, SessionSlot* session)
    : Stream(lower.loop()), lower_(lower), session_(session) {
  attach(context.get());
  SSL_set_connect_state(ssl_);
  if (IpAddress::parse(server_name)) {
    if (context.verify()) X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), server_name.c_str());
  } else if (!server_name.empty()) {
    SSL_set_tlsext_host_name(ssl_, server_name.c_str());
    if (context.verify()) SSL_set1_host(ssl_, server_name.c_str());
  }
  if (session && session->get()) SSL_set_session(ssl_, session->get());
}

void TlsStream::attach(SSL_CTX* context) {
  ssl_ = SSL_new(context);
  BIO* bio = BIO_new(LowerBio::method());
  CHECK(ssl_ && bio, "out of memory");
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, this);
}

TlsStream::~TlsStream() {
  TlsStream::close(Close::kOrderly);
  SSL_free(ssl_);
}

IoSlot::Attempt TlsStream::try_handshake() {
  if (established_ || broken_) return IoSlot::Attempt::kDone;
  ERR_clear_error();
  handshake_left_ = kHandshakeBytesPerTry;
  const size_t held = record_buffers();
  const int returned = SSL_do_handshake(ssl_);
  note_records(held);
  if (returned == 1) {
    established_ = true;
    SSL_set_options(ssl_, SSL_OP_IGNORE_UNEXPECTED_EOF);  // such an end is told by its error, and writing goes on
    note_what_is_held();  // a request may have come with the last of the handshake
    return IoSlot::Attempt::kDone;
  }
  const IoResult result = classify(returned, Direction::kRead);  // wait() knows which direction that means below
  if (result.status != IoStatus::kWouldBlock) return IoSlot::Attempt::kDone;
  return handshake_left_ == 0 ? IoSlot::Attempt::kNextTurn : IoSlot::Attempt::kWaitRead;
}

void TlsStream::note_records(size_t held_before) {
  records_held_ = static_cast<int16_t>(records_held_ + static_cast<int>(record_buffers()) - static_cast<int>(held_before));
}

// What OpenSSL's answer means for the caller, and what to wait for before asking again.
IoResult TlsStream::classify(int returned, Direction direction) {
  const int error = flooded_ ? SSL_ERROR_SSL : SSL_get_error(ssl_, returned);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    waits_for_[index(direction)] = error == SSL_ERROR_WANT_READ ? Direction::kRead : Direction::kWrite;
    blocked_[index(direction)] = true;
    return IoResult::would_block();
  }
  if (error == SSL_ERROR_ZERO_RETURN && established_) return IoResult::end(lower_ended_ ? ECONNABORTED : 0);
  broken_ = true;
  if (!established_) {
    handshake_ = explain_handshake_failure(ssl_, lower_ended_ || lower_error_ != 0);
    handshake_.spoke = lower_wrote_;
    handshake_.of_the_name = is_of_the_name();
    handshake_.plain_text = handshake_.failure == Failure::kNotTls && !lower_wrote_ && begins_text(first_byte_);
  }
  if (flooded_ || is_flood(ERR_peek_error())) count_flood();
  ERR_clear_error();
  broken_result_ = broken_result();
  return broken_result_;
}

// Servers that know no such name say so by this alert (RFC 6066 3), or by one of the two that crypto/tls of Go and
// large hosts send in its place.
bool TlsStream::is_of_the_name() const {
  if (handshake_.failure == Failure::kCertificate) return other_name_;
  if (handshake_.failure != Failure::kPeerAlert) return false;
  const int alert = ERR_GET_REASON(ERR_peek_error()) - SSL_AD_REASON_OFFSET;
  return alert == SSL_AD_UNRECOGNIZED_NAME || alert == SSL_AD_HANDSHAKE_FAILURE || alert == SSL_AD_INTERNAL_ERROR;
}

IoResult TlsStream::broken_result() {
  if (lower_error_ == ECANCELED) return {IoStatus::kCancelled, 0, 0};
  if (lower_error_ != 0) return IoResult::failed(lower_error_);
  return lower_ended_ && !flooded_ ? IoResult::end(ECONNABORTED) : IoResult::failed(EPROTO);
}

void TlsStream::count_flood() {
  const auto* library = static_cast<const CryptoLibrary*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl_)));
  if (library->floods) stats::add(library->floods, 1);
}

// Called within OpenSSL, which cannot be left from here; what it takes for the peer's end makes it throw away the rest
// and return.
void TlsStream::note_received(int content, std::string_view message) {
  if (!established_) {
    const bool hello = content == SSL3_RT_HANDSHAKE && !message.empty() && message.front() == SSL3_MT_CLIENT_HELLO;
    if (hello && server_ && !ja4_.known()) ja4_ = Ja4::of(message);
    return;
  }
  if (content == SSL3_RT_HEADER) quiet_records_++;
  if (content == SSL3_RT_HANDSHAKE) quiet_messages_++;
  if (quiet_records_ <= kQuietMax + 1 && quiet_messages_ <= kQuietMax) return;  // one record may be the data's
  flooded_ = true;
  SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void TlsStream::pay_for_quiet(uint16_t records) {
  if (records != 0) spend(records * kQuietRecordPrice);
}

IoResult TlsStream::try_read(MutableBytes into) {
  if (broken_) return broken_result_;
  ERR_clear_error();
  size_t bytes = 0;
  const uint16_t before = quiet_records_;
  const size_t held = record_buffers();
  const int returned = SSL_read_ex(ssl_, into.data(), into.size(), &bytes);
  note_records(held);
  const auto records = static_cast<uint16_t>(quiet_records_ - before);
  if (returned != 1) {
    pay_for_quiet(records);
    return classify(returned, Direction::kRead);
  }
  if (records > 1) pay_for_quiet(records - 1);  // the caller pays for the one with data
  quiet_records_ = quiet_messages_ = 0;
  note_what_is_held();
  return IoResult::moved(bytes);
}

// What OpenSSL holds nothing of, and the lower stream has nothing of, need not be tried: a system call a request.
void TlsStream::note_what_is_held() {
  blocked_[index(Direction::kRead)] = SSL_has_pending(ssl_) == 0;
  waits_for_[index(Direction::kRead)] = Direction::kRead;
}

// One record a call. Small pieces are gathered, because a record and a system call each would cost more than the copy.
IoResult TlsStream::try_write(std::span<const iovec> from) {
  if (broken_) return broken_result_;
  while (!from.empty() && from.front().iov_len == 0) from = from.subspan(1);
  if (from.empty()) return IoResult::moved(0);
  std::array<std::byte, kRecordBytes> gathered;
  const void* data = from.front().iov_base;
  size_t bytes = std::min(from.front().iov_len, kRecordBytes);
  if (from.size() > 1 && bytes < kRecordBytes) {
    bytes = 0;
    for (const iovec& piece : from) {
      const size_t part = std::min(piece.iov_len, kRecordBytes - bytes);
      if (part != 0) std::memcpy(gathered.data() + bytes, piece.iov_base, part);
      bytes += part;
    }
    data = gathered.data();
  }
  ERR_clear_error();
  size_t written = 0;
  const int returned = SSL_write_ex(ssl_, data, bytes, &written);
  if (returned != 1) return classify(returned, Direction::kWrite);
  blocked_[index(Direction::kWrite)] = false;
  return IoResult::moved(written);
}

IoResult TlsStream::shutdown_write() {
  if (const IoResult sent = send_close_notify(); sent.status == IoStatus::kWouldBlock) return sent;
  return lower_.shutdown_write();
}

IoResult TlsStream::send_close_notify() {
  if (!established_ || broken_ || close_notify_sent_) return IoResult::moved(0);
  ERR_clear_error();
  const int returned = SSL_shutdown(ssl_);
  if (returned < 0) {
    const IoResult result = classify(returned, Direction::kWrite);
    if (result.status == IoStatus::kWouldBlock) return result;
  }
  close_notify_sent_ = true;
  return IoResult::moved(0);
}

void TlsStream::close(Close how) {
  if (closed_) return;
  closed_ = true;
  if (how == Close::kOrderly) send_close_notify();
  // That a connection is cut says nothing against its session, which OpenSSL would resume no more: each client that gives
  // up would cost the next exchange a full handshake with its backend.
  if (how == Close::kReset && established_ && !broken_) SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  if (!broken_) broken_result_ = {IoStatus::kCancelled, 0, 0};
  broken_ = true;
  lower_.close(how);
}

bool TlsStream::ready(Direction direction) const {
  if (broken_ || !blocked_[index(direction)]) return true;
  return lower_.ready(waits_for_[index(direction)]);
}

void TlsStream::wait(Direction direction, Waiter& waiter) {
  if (closed_) return loop().schedule(waiter, Wake::kCancelled);
  if (ready(direction)) return loop().schedule(waiter);
  lower_.wait(waits_for_[index(direction)], waiter);
}

std::string_view TlsStream::version() const {
  return SSL_get_version(ssl_);
}
std::string_view TlsStream::cipher() const {
  return SSL_get_cipher_name(ssl_);
}
bool TlsStream::resumed() const {
  return SSL_session_reused(ssl_) == 1;
}

std::string_view TlsStream::alpn() const {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl_, &name, &length);
  return {reinterpret_cast<const char*>(name), length};
}

std::string_view TlsStream::server_name() const {
  const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
  return name ? name : "";
}

HandshakeOperation::~HandshakeOperation() {
  stream_.slot(Direction::kRead).forget(this);
}

bool HandshakeOperation::await_ready() {
  waits_for_ = stream_.try_handshake();
  return waits_for_ == IoSlot::Attempt::kDone;
}

void HandshakeOperation::await_suspend(std::coroutine_handle<> handle) {
  const auto try_again = [](void* self) { return static_cast<HandshakeOperation*>(self)->stream_.try_handshake(); };
  stream_.slot(Direction::kRead).suspend(this, try_again, waits_for_, deadline_, handle, &wake_);
}

Handshake HandshakeOperation::await_resume() {
  if (wake_ == Wake::kTimeout) return {Failure::kTimeout, ""};
  if (wake_ == Wake::kCancelled) return {Failure::kCancelled, ""};
  if (!stream_.established_ && stream_.handshake_.ok())
    return {stream_.closed_ ? Failure::kCancelled : Failure::kClosed, ""};
  return stream_.handshake_;
}

}  // namespace cardea::l7::tls
