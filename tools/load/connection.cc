#include "tools/load/connection.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace cardea::load {
namespace {

// The value of Content-Length in a head, or npos.
size_t content_length(std::string_view head) {
  constexpr std::string_view kName = "\r\ncontent-length:";
  for (size_t at = 0; at + kName.size() < head.size(); ++at) {
    if (::strncasecmp(head.data() + at, kName.data(), kName.size()) != 0) continue;
    size_t first = at + kName.size(), value = 0;
    while (head[first] == ' ') ++first;
    std::from_chars(head.data() + first, head.data() + head.size(), value);
    return value;
  }
  return std::string_view::npos;
}

}  // namespace

Connection::~Connection() {
  SSL_free(ssl_);
  if (socket_ >= 0) ::close(socket_);
}

void Connection::dial() {
  socket_ = ::socket(task_->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) {
    fail(std::strerror(errno));
    return;
  }
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&task_->address), task_->address_length) != 0 &&
      errno != EINPROGRESS)
    fail(std::strerror(errno));
}

void Connection::advance() {
  while (!ended() && step()) {
  }
}

void Connection::ask() {
  sent_ = answer_length_ = 0;
  answer_.clear();
  stage_ = Stage::kSending;
  advance();
}

void Connection::close() {
  if (ended()) return;
  ERR_clear_error();
  if (ssl_ != nullptr) SSL_shutdown(ssl_);
  ::shutdown(socket_, SHUT_WR);
  stage_ = Stage::kClosing;
  advance();
}

bool Connection::step() {
  switch (stage_) {
    case Stage::kDialing: return finish_dialing();
    case Stage::kHandshaking: return handshake();
    case Stage::kSending: return send();
    case Stage::kReceiving: return receive();
    case Stage::kClosing: return await_end();
    default: return false;
  }
}

bool Connection::finish_dialing() {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail(std::strerror(error));
  sockaddr_storage peer;
  socklen_t peer_size = sizeof peer;
  if (::getpeername(socket_, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) return false;  // not yet
  stage_ = task_->tls != nullptr ? Stage::kHandshaking : Stage::kSending;
  if (task_->tls == nullptr) return true;
  ssl_ = SSL_new(task_->tls);
  SSL_set_fd(ssl_, socket_);
  SSL_set_tlsext_host_name(ssl_, task_->server_name.c_str());
  if (task_->resume != nullptr && *task_->resume != nullptr) {
    SSL_SESSION* const session = SSL_SESSION_dup(*task_->resume);
    SSL_set_session(ssl_, session);
    SSL_SESSION_free(session);
  }
  return true;
}

bool Connection::handshake() {
  ERR_clear_error();
  const int done = SSL_connect(ssl_);
  if (done != 1) return wait_or_fail(done, "TLS handshake");
  resumed_ = SSL_session_reused(ssl_) == 1;
  stage_ = task_->request.empty() ? Stage::kAnswered : Stage::kSending;
  return true;
}

bool Connection::send() {
  const ssize_t written = write(task_->request.data() + sent_, task_->request.size() - sent_);
  if (written <= 0) return wait_or_fail(written, "write");
  sent_ += size_t(written);
  if (sent_ == task_->request.size()) stage_ = Stage::kReceiving;
  return true;
}

bool Connection::receive() {
  std::array<char, 16384> block;
  const ssize_t got = read(block.data(), block.size());
  if (got <= 0) return wait_or_fail(got, answer_.empty() ? "closed before an answer" : "closed within an answer");
  answer_.append(block.data(), size_t(got));
  if (!answer_is_whole()) return !ended();
  stage_ = Stage::kAnswered;
  return false;
}

bool Connection::answer_is_whole() {
  if (answer_length_ == 0) {
    const size_t end = answer_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    if (!answer_.starts_with("HTTP/1.1 200 ")) return fail("answer " + answer_.substr(9, 3));
    const size_t body = content_length(std::string_view(answer_).substr(0, end + 2));
    if (body == std::string_view::npos) return fail("an answer without Content-Length");
    answer_length_ = end + 4 + body;
  }
  return answer_.size() >= answer_length_;
}

bool Connection::await_end() {
  std::array<char, 4096> block;
  const ssize_t got = read(block.data(), block.size());
  if (got > 0) return true;
  if (got < 0 && would_block_) return false;
  stage_ = Stage::kClosed;
  return false;
}

bool Connection::fail(std::string_view why) {
  failure_ = why;
  stage_ = Stage::kFailed;
  return false;
}

bool Connection::wait_or_fail(ssize_t result, std::string_view why) {
  if (ssl_ != nullptr) {
    const int error = SSL_get_error(ssl_, int(result));
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return false;
  } else if (result < 0 && errno == EAGAIN) {
    return false;
  }
  return fail(result < 0 && errno != 0 ? std::string(why) + ": " + std::strerror(errno) : std::string(why));
}

ssize_t Connection::read(char* into, size_t size) {
  ERR_clear_error();
  const ssize_t got = ssl_ != nullptr ? SSL_read(ssl_, into, int(size)) : ::recv(socket_, into, size, 0);
  would_block_ = got < 0 && (ssl_ != nullptr ? SSL_get_error(ssl_, int(got)) == SSL_ERROR_WANT_READ : errno == EAGAIN);
  return got;
}

ssize_t Connection::write(const char* from, size_t size) {
  ERR_clear_error();
  return ssl_ != nullptr ? SSL_write(ssl_, from, int(size)) : ::send(socket_, from, size, MSG_NOSIGNAL);
}

}  // namespace cardea::load
