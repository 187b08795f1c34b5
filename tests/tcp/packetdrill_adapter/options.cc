// What sockets tell of themselves and are told: options, flags, sizes of queues.
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "l7/tcp/rooms.h"
#include "tests/tcp/packetdrill_adapter/machine.h"

namespace cardea::packetdrill {
namespace {

using l7::tcp::Connection;

int fails(int error) {
  errno = error;
  return -1;
}

int give_number(int number, void* value, socklen_t* size) {
  const size_t count = std::min<size_t>(*size, sizeof number);
  std::memcpy(value, &number, count);
  *size = socklen_t(count);
  return 0;
}

}  // namespace

int Machine::get_tcp_number(const Socket& s, int name, void* value, socklen_t* size) {
  const Connection* c = connection_of(s);
  switch (name) {
    case TCP_MAXSEG:
      return give_number(c ? int(l7::tcp::send_mss(*c)) : 536, value, size);
    case TCP_NODELAY:
      return give_number(!s.nagle, value, size);
    case TCP_CORK:
      return give_number(s.corked, value, size);
    case TCP_INQ:
      return give_number(s.tells_queue, value, size);
    case TCP_NOTSENT_LOWAT:
      return give_number(0, value, size);
    default:
      return give_number(0, value, size);
  }
}

int Machine::get_number(const Socket& s, int level, int name, void* value, socklen_t* size) {
  if (const auto set = s.options.find({level, name}); set != s.options.end())
    return give_number(set->second, value, size);
  if (level == IPPROTO_TCP) return get_tcp_number(s, name, value, size);
  if (level != SOL_SOCKET) return give_number(0, value, size);
  switch (name) {
    case SO_SNDBUF:
      return give_number(int(s.send_buffer), value, size);
    case SO_RCVBUF:
      return give_number(int(s.receive_buffer), value, size);
    case SO_ZEROCOPY:
      return give_number(s.zero_copy, value, size);
    case SO_TYPE:
      return give_number(SOCK_STREAM, value, size);
    case SO_ACCEPTCONN:
      return give_number(s.listening, value, size);
    default:
      return give_number(0, value, size);
  }
}

int Machine::get_option(int fd, int level, int name, void* value, socklen_t* size) {
  const std::unique_lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return fails(EBADF);
  if (level == SOL_SOCKET && name == SO_ERROR) return give_number(fails_to_read(*s) < 0 ? errno : 0, value, size);
  if (level == SOL_SOCKET && name == SO_MEMINFO) return fill_memory(*s, value, size);
  if (level == SOL_SOCKET && name == SO_LINGER) {
    const linger told{.l_onoff = s->lingers, .l_linger = s->linger_seconds};
    *size = std::min<socklen_t>(*size, sizeof told);
    std::memcpy(value, &told, *size);
    return 0;
  }
  if (level == IPPROTO_TCP && name == TCP_INFO) return fill_info(*s, value, size);
  if (level == IPPROTO_TCP && name == TCP_CC_INFO) return *size = 0, 0;
  if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
    *size = std::min<socklen_t>(*size, sizeof "cubic");
    std::memcpy(value, "cubic", *size);
    return 0;
  }
  return get_number(*s, level, name, value, size);
}

int Machine::set_tcp_number(Socket& s, int name, int number) {
  switch (name) {
    case TCP_NODELAY:
      s.nagle = number == 0;
      if (s.connected) stack_->set_nagle(s.id, s.nagle);
      break;
    case TCP_CORK:
      s.corked = number != 0;
      break;
    case TCP_NOTSENT_LOWAT:
      s.unsent_most = number ? uint32_t(number) : UINT32_MAX;
      s.options[{IPPROTO_TCP, name}] = number;
      return 0;
    case TCP_INQ:
      if (number < 0 || number > 1) return fails(EINVAL);
      s.tells_queue = number;
      return 0;
    case TCP_MAXSEG:
      if (number < 88 || number > 32'767) return fails(EINVAL);
      s.mss_most = uint16_t(number);
      return 0;
    case TCP_MD5SIG:
      return fails(ENOPROTOOPT);
    default:
      s.options[{IPPROTO_TCP, name}] = number;
      return 0;
  }
  // What was held back goes: at once when it is asked for, and with the next call where there was nothing to hold.
  if (!s.held.empty() && (name == TCP_NODELAY ? number != 0 : number == 0)) let_held_go(s, false);
  collect();
  return 0;
}

// The kernel doubles what it is asked for, and gives no less than two small packets need.
int Machine::set_number(Socket& s, int level, int name, int number) {
  if (level == IPPROTO_TCP) return set_tcp_number(s, name, number);
  const uint32_t doubled = std::max(2 * uint32_t(std::clamp(number, 0, 1 << 24)), 4608u);
  if (level == SOL_SOCKET && name == SO_SNDBUF)
    s.send_buffer = doubled, s.buffer_fixed = true;
  else if (level == SOL_SOCKET && name == SO_RCVBUF)
    s.receive_buffer = doubled;
  else if (level == SOL_SOCKET && name == SO_ZEROCOPY)
    s.zero_copy = number != 0;
  else if (level == SOL_SOCKET && name == SO_TIMESTAMPING)
    s.stamps_asked = uint32_t(number), s.stamps_from = s.written;
  else
    s.options[{level, name}] = number;
  return 0;
}

int Machine::set_option(int fd, int level, int name, const void* value, socklen_t size) {
  const std::unique_lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return fails(EBADF);
  if (!value) return fails(EFAULT);
  if (level == SOL_SOCKET && name == SO_LINGER) {
    linger wanted{};
    if (size < sizeof wanted) return fails(EINVAL);
    std::memcpy(&wanted, value, sizeof wanted);
    s->lingers = wanted.l_onoff;
    s->linger_seconds = wanted.l_linger;
    return 0;
  }
  if (level == IPPROTO_TCP && name == TCP_CONGESTION) return 0;
  int number = 0;
  std::memcpy(&number, value, std::min<size_t>(size, sizeof number));
  return set_number(*s, level, name, number);
}

int Machine::control(int fd, int command, long argument) {
  const std::unique_lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return fails(EBADF);
  if (command == F_GETFL) return O_RDWR | (s->non_blocking ? O_NONBLOCK : 0);
  if (command == F_SETFL) s->non_blocking = argument & O_NONBLOCK;
  return 0;
}

int Machine::queued(int fd, unsigned long request, int* answer) {
  const std::unique_lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return fails(EBADF);
  const Connection* c = connection_of(*s);
  if (request == SIOCINQ)
    *answer = c ? int(c->received.readable()) : 0;
  else if (request == SIOCOUTQ)
    *answer = c ? int(c->snd_end - c->snd_una) : 0;
  else if (request == SIOCOUTQNSD)
    *answer = c ? int(c->unsent()) : 0;
  else
    return fails(EINVAL);
  return 0;
}

}  // namespace cardea::packetdrill
