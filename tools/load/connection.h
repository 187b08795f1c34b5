// One client connection as a state machine over a non-blocking socket: dial, TLS handshake, a request, its answer, then
// closed or kept. It does what readiness allows and says where it stands; the loop that owns it decides what comes next.
#pragma once

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

namespace cardea::load {

// What every connection of a run does.
struct Task {
  sockaddr_storage address{};
  socklen_t address_length = 0;
  SSL_CTX* tls = nullptr;         // null: plain
  std::string server_name;        // SNI
  std::string request;            // empty: the handshake is all
  SSL_SESSION* const* resume = nullptr;  // what is there at the time is offered in the handshake
};

class Connection {
 public:
  enum class Stage { kDialing, kHandshaking, kSending, kReceiving, kAnswered, kClosing, kClosed, kFailed };

  explicit Connection(const Task& task) : task_(&task) {}
  Connection(const Connection&) = delete;
  ~Connection();

  void dial();
  void advance();  // as far as the socket allows
  void ask();      // another request on a kept connection
  void close();    // in order: says goodbye, then waits for the peer's end

  int socket() const { return socket_; }
  Stage stage() const { return stage_; }
  bool ended() const { return stage_ == Stage::kClosed || stage_ == Stage::kFailed; }
  bool resumed() const { return resumed_; }
  // Why it failed: a few words, the same for the same cause.
  std::string_view failure() const { return failure_; }

 private:
  bool step();  // false: nothing more can be done now
  bool finish_dialing();
  bool handshake();
  bool send();
  bool receive();
  bool await_end();
  bool fail(std::string_view why);
  bool wait_or_fail(ssize_t result, std::string_view why);
  bool answer_is_whole();
  ssize_t read(char* into, size_t size);
  ssize_t write(const char* from, size_t size);

  const Task* task_;
  int socket_ = -1;
  SSL* ssl_ = nullptr;
  Stage stage_ = Stage::kDialing;
  size_t sent_ = 0;
  std::string answer_;
  size_t answer_length_ = 0;  // 0: its head is not complete
  bool resumed_ = false, would_block_ = false;
  std::string failure_;
};

}  // namespace cardea::load
