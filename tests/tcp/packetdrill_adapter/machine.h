// A host of one stack for packetdrill: sockets over connections, a clock of its own that only its caller moves, and the
// packets that left with the time they did. Calls may block in a second thread while the first goes on: one lock, one
// condition, and a blocked call never moves the clock.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <vector>

#include "l7/tcp/stack.h"

namespace cardea::packetdrill {

struct Socket {
  bool listening = false, connected = false, opened = false, non_blocking = false, nagle = true;
  bool read_shut = false, write_shut = false, lingers = false, end_told = false;
  int linger_seconds = 0, domain = 0;
  Endpoint local, remote;
  l7::tcp::ListenerId listener = l7::tcp::kNone;
  l7::tcp::ConnectionId id;
  l7::tcp::Ending ending = l7::tcp::Ending::kNot;
  std::deque<l7::tcp::ConnectionId> accepted;
  std::deque<std::vector<std::byte>> lent;  // what was written: kept until the end
  std::map<int, epoll_event> watched;       // of an epoll descriptor
};

class Machine {
 public:
  explicit Machine(const char* flags);
  ~Machine();

  int socket(int domain, int type);
  int bind(int fd, const sockaddr* address, socklen_t size);
  int listen(int fd);
  int accept(int fd, sockaddr* address, socklen_t* size);
  int connect(int fd, const sockaddr* address, socklen_t size);
  ssize_t read(int fd, std::byte* to, size_t size, int flags);
  ssize_t write(int fd, const std::byte* from, size_t size, int flags);
  int close(int fd);
  int shutdown(int fd, int how);
  int control(int fd, int command, long argument);
  int queued(int fd, unsigned long request, int* answer);
  int get_option(int fd, int level, int name, void* value, socklen_t* size);
  int set_option(int fd, int level, int name, const void* value, socklen_t size);
  int poll(pollfd* fds, nfds_t count, int timeout);
  int epoll_create();
  int epoll_control(int epoll, int operation, int fd, epoll_event* event);
  int epoll_wait(int epoll, epoll_event* events, int most, int timeout);

  int packet_arrives(const void* packet, size_t size);
  int packet_left(void* packet, size_t* size, long long* microseconds);
  void sleep(std::chrono::nanoseconds time);
  void time_of_day(timeval* answer);
  bool knows(int fd);

 private:
  using Lock = std::unique_lock<std::mutex>;
  struct Left {
    Instant at;
    std::vector<std::byte> packet;
  };

  Socket* find(int fd);
  int new_descriptor(Socket socket);
  void run_to(Instant until);
  void collect();
  void leaves(Bytes packet);
  void told(const l7::tcp::Notice& notice);
  short ready(int fd);
  int failure(const Socket& socket) const;
  int fill_info(const Socket& socket, void* value, socklen_t* size);
  // Until done() is true or, with a timeout, the clock has come that far.
  template <typename Done>
  void wait(Lock& lock, int timeout_ms, Done done);

  std::mutex mutex_;
  std::condition_variable changed_;
  l7::tcp::Stack stack_;
  Instant now_;
  IpAddress local_ip_;
  std::map<int, Socket> sockets_;
  std::deque<Left> left_;
  uint64_t retransmitted_ = 0;
  bool last_was_again_ = false;
};

}  // namespace cardea::packetdrill
