#include "tests/unit/l7/proxy/tls_peer.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <charconv>

#include "l7/runtime/spawn.h"

namespace cardea::l7::proxy::test {
namespace {

Task<> shake_hands(Arena&, tls::TlsStream& stream, tls::Handshake& into, bool& finished) {
  const tls::Handshake done = co_await stream.handshake(kNever);
  into = done;
  finished = true;
}

std::unique_ptr<KernelStream> stream_of(Loop& loop, const Peer& peer) {
  return std::make_unique<KernelStream>(loop, FileDescriptor(::fcntl(peer.fd(), F_DUPFD_CLOEXEC, 3)), Endpoint{});
}

}  // namespace

TlsPeer::TlsPeer(Site& site, tls::ClientContext& context, const std::string& server_name, tls::SessionSlot* session,
                 const char* service, std::string_view ahead)
    : loop_(site.loop()), arena_(site.loop().chunks()) {
  Peer connected = site.client(service);
  connected.send(ahead);
  tcp_ = stream_of(loop_, connected);
  stream_ = std::make_unique<tls::TlsStream>(context, *tcp_, server_name, session);
  shake();
}

TlsPeer::TlsPeer(Site& site, tls::ServerContext& context, Peer accepted)
    : loop_(site.loop()), arena_(site.loop().chunks()) {
  tcp_ = stream_of(loop_, accepted);
  stream_ = std::make_unique<tls::TlsStream>(context, *tcp_);
  shake();
}

void TlsPeer::shake() {
  bool finished = false;
  spawn(loop_, arena_, shake_hands(arena_, *stream_, done_, finished));
  EXPECT_TRUE(run_until(loop_, [&] { return finished; })) << "the handshake does not end";
  settle(loop_);
}

TlsPeer::~TlsPeer() = default;

void TlsPeer::send(std::string_view text) {
  const bool sent = run_until(loop_, [&] {
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    const IoResult wrote = stream_->try_write({&piece, 1});
    text.remove_prefix(wrote.bytes);
    return text.empty() || (!wrote.ok() && wrote.status != IoStatus::kWouldBlock);
  });
  EXPECT_TRUE(sent && text.empty());
}

// True: the end, or an error.
bool TlsPeer::pull() {
  for (;;) {
    std::array<std::byte, 16384> bytes;
    last_ = stream_->try_read(bytes);
    if (!last_.ok()) return last_.status != IoStatus::kWouldBlock;
    got_.append(reinterpret_cast<const char*>(bytes.data()), last_.bytes);
  }
}

std::string TlsPeer::until(std::string_view text) {
  size_t at = std::string::npos;
  run_until(loop_, [&] {
    const bool ended = pull();
    at = got_.find(text);
    return at != std::string::npos || ended;
  });
  EXPECT_NE(at, std::string::npos) << "\"" << text << "\" did not come, but: " << got_;
  if (at == std::string::npos) return std::exchange(got_, {});
  std::string taken = got_.substr(0, at + text.size());
  got_.erase(0, taken.size());
  return taken;
}

std::string TlsPeer::take(size_t bytes) {
  EXPECT_TRUE(run_until(loop_, [&] { return pull() || got_.size() >= bytes; }));
  std::string taken = got_.substr(0, bytes);
  got_.erase(0, taken.size());
  return taken;
}

std::string TlsPeer::message() {
  std::string head = until("\r\n\r\n");
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const size_t found = head.find(kLength);
  size_t length = 0;
  if (found != head.npos) std::from_chars(head.data() + found + kLength.size(), head.data() + head.size(), length);
  EXPECT_TRUE(run_until(loop_, [&] { return pull() || got_.size() >= length; }));
  head += got_.substr(0, length);
  got_.erase(0, length);
  return head;
}

std::string TlsPeer::rest(IoResult& end) {
  EXPECT_TRUE(run_until(loop_, [&] { return pull(); })) << "the connection stays open";
  end = last_;
  return std::exchange(got_, {});
}

void TlsPeer::finish_unannounced() {
  EXPECT_TRUE(tcp_->shutdown_write().ok());
}

void TlsPeer::send_below(std::string_view bytes) {
  const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  EXPECT_EQ(tcp_->try_write({&piece, 1}).bytes, bytes.size());
  settle(loop_);
}

void TlsPeer::cut() {
  tcp_->close(Close::kOrderly);
}

}  // namespace cardea::l7::proxy::test
