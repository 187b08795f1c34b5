// A host of one stack for packetdrill: sockets over connections, a clock of its own that only its caller moves, and the
// packets that left with the time they did. Calls may block in a second thread while the first goes on: one lock, one
// condition, and a blocked call never moves the clock.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "l7/tcp/stack.h"
#include "tests/tcp/packetdrill_adapter/kernel_settings.h"
#include "tests/tcp/packetdrill_adapter/segment_offload.h"

namespace cardea::packetdrill {

// What an epoll descriptor knows of another: who asks for edges is told once a wake.
struct Watch {
  epoll_event asked{};
  uint64_t told = 0;
  bool spent = false;  // EPOLLONESHOT
};

// How often somebody who waits for it had reason to look again.
struct Wakes {
  uint64_t in = 1, out = 1, error = 0;
};

// Writes with MSG_ZEROCOPY: each has a number, which is told when its bytes are acknowledged.
struct Unread {
  uint64_t end = 0;  // of the bytes written to the connection
  uint32_t number = 0;
};
// Of SO_TIMESTAMPING: the last byte of a write, counted since it was asked for.
struct Stamped {
  uint64_t end = 0;
  uint32_t key = 0;
  bool left = false;
};
struct Stamp {
  Instant at;
  uint32_t what = 0, key = 0;  // SCM_TSTAMP_SCHED, _SND, _ACK
};
struct Completion {
  uint32_t first = 0, last = 0;
};

// How long it had something to send, and what held it back: as the kernel counts for TCP_INFO.
struct Spent {
  std::chrono::nanoseconds busy{0}, by_window{0}, by_buffer{0};
};

// What SACKs told of reordering, as the kernel measures it for TCP_INFO: in segments, no less than its threshold.
struct Reordering {
  uint32_t degree = 3, seen = 0;
};

// What went by, as TCP_INFO counts it. SYNs are delivered, too.
struct Traffic {
  uint32_t segments_out = 0, segments_in = 0, data_out = 0, data_in = 0, again = 0, delivered = 1;
  uint64_t bytes_out = 0, bytes_again = 0;
};

struct Socket {
  bool listening = false, connected = false, opened = false, non_blocking = false, nagle = true;
  bool read_shut = false, write_shut = false, lingers = false, end_told = false, error_told = false, open_told = false;
  bool corked = false, pushed = false;  // pushed: something that is held back was written without MSG_MORE
  bool short_of_room = false, buffer_fixed = false, zero_copy = false, tells_queue = false;
  int linger_seconds = 0, domain = 0;
  uint32_t send_buffer = 0, unsent_most = 0, receive_buffer = 0;
  uint64_t written = 0;
  Instant opened_at{};
  Spent spent;
  Reordering reordering;
  Traffic traffic;
  uint16_t mss_most = UINT16_MAX;
  Endpoint local, remote;
  l7::tcp::ListenerId listener = l7::tcp::kNone;
  l7::tcp::ConnectionId id;
  l7::tcp::Ending ending = l7::tcp::Ending::kNot;
  std::deque<l7::tcp::ConnectionId> accepted;
  std::deque<std::vector<std::byte>> lent;  // what was written: kept until the end
  std::vector<std::byte> held;              // written with MSG_MORE or TCP_CORK, less than a segment
  Instant held_until{};
  Wakes wakes;
  std::deque<Unread> in_flight;
  std::deque<Completion> completions;
  uint32_t next_number = 0;
  uint32_t stamps_asked = 0;
  uint64_t stamps_from = 0;
  std::deque<Stamped> stamped;
  std::deque<Stamp> stamps;
  std::deque<std::vector<std::byte>> records;  // written behind one that MSG_EOR ended: each leaves by itself
  bool record_ended = false;
  std::map<std::pair<int, int>, int> options;  // that change nothing here: as they were set
  std::map<int, Watch> watched;                // of an epoll descriptor
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
  ssize_t take_completion(int fd, msghdr* message);
  void tell_queue(int fd, msghdr* message);
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
  const l7::tcp::Connection* connection_of(const Socket& socket) const;
  int new_descriptor(Socket socket);
  void start();
  Instant next();
  void run_to(Lock& lock, Instant until);
  void clock_moves(Instant to);
  void watch_arrival(const l7::tcp::Segment& segment);
  void count_leaving(const l7::tcp::Segment& segment, bool again);
  Socket* owner_of(const l7::tcp::Tuple& tuple);
  void collect();
  void leaves(Bytes packet);
  uint32_t segments_together(Bytes packet, uint32_t* mss) const;
  void told(const l7::tcp::Notice& notice);
  void bytes_acknowledged(Socket& socket);
  void write_now(Socket& socket, Bytes bytes);
  void let_held_go(Socket& socket, bool pushed);
  bool next_record(Socket& socket);
  void look_for_stamps(Socket& socket);
  void hold_or_write(Socket& socket, Bytes bytes, int flags);
  size_t room_to_write(const Socket& socket, size_t wanted) const;
  bool can_write(const Socket& socket) const;
  short ready(int fd);
  short ready_connection(const Socket& socket, const l7::tcp::Connection& c) const;
  uint32_t look(int fd, Watch& watch);
  int failure(const Socket& socket) const;
  ssize_t fails_to_read(Socket& socket);
  int fill_info(const Socket& socket, void* value, socklen_t* size);
  int fill_memory(const Socket& socket, void* value, socklen_t* size);
  int get_number(const Socket& socket, int level, int name, void* value, socklen_t* size);
  int get_tcp_number(const Socket& socket, int name, void* value, socklen_t* size);
  int set_number(Socket& socket, int level, int name, int number);
  int set_tcp_number(Socket& socket, int name, int number);
  // A call that blocks. Whoever moves the clock looks first whether it is over, and lets it return and see the time.
  struct Waiter {
    std::function<bool()> over;
    Instant until;
    bool finished = false;
  };
  // Until over() is true or, with a timeout, the clock has come that far.
  void wait(Lock& lock, int timeout_ms, const std::function<bool()>& over);
  void let_return(Lock& lock);

  std::mutex mutex_;
  std::condition_variable changed_, returned_;
  std::vector<Waiter*> waiters_;
  std::optional<std::thread::id> returning_;  // who was let go and has not looked at the clock since
  KernelSettings settings_;
  std::unique_ptr<l7::tcp::Stack> stack_;  // made with the first socket, when a script has set what it wants to
  Instant now_;
  IpAddress local_ip_;
  std::map<int, Socket> sockets_;
  std::deque<Left> left_;
  SegmentOffload offload_;
  uint64_t retransmitted_ = 0;
  bool without_push_ = false;  // what leaves now was written with MSG_MORE alone
};

}  // namespace cardea::packetdrill
