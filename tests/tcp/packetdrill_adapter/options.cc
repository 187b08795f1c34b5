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
using l7::tcp::Mending;
using l7::tcp::State;

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

uint8_t linux_state(State state) {
  static constexpr uint8_t kNumbers[] = {2, 3, 1, 4, 5, 8, 11, 9, 6, 7};  // of State, as the kernel counts them
  return kNumbers[size_t(state)];
}

uint8_t congestion_state(const Connection& c) {
  if (c.mending == Mending::kLoss) return 4;
  if (c.mending == Mending::kRecovery) return 3;
  return c.scoreboard.sacked_count() > 0 ? 1 : 0;
}

uint32_t microseconds(l7::tcp::Duration time) {
  return uint32_t(time / std::chrono::microseconds(1));
}

void count_segments(const l7::tcp::Resources& shared, const Connection& c, tcp_info& info) {
  for (uint32_t i = c.scoreboard.head(); i != l7::tcp::kNone; i = shared.segments[i].next) {
    const l7::tcp::Sent& sent = shared.segments[i];
    info.tcpi_unacked++;
    info.tcpi_sacked += sent.sacked;
    // As the kernel counts: what was held for lost stays so while it is under way again.
    info.tcpi_lost += sent.lost || (sent.retransmitted && !sent.sacked);
    info.tcpi_retrans += sent.retransmitted && !sent.lost && !sent.sacked;
  }
}

tcp_info info_of(const l7::tcp::Resources& shared, const Connection& c) {
  tcp_info info{};
  const uint32_t mss = l7::tcp::send_mss(c);
  info.tcpi_state = linux_state(c.state);
  info.tcpi_ca_state = congestion_state(c);
  info.tcpi_backoff = uint8_t(c.rtt.backed_off());
  info.tcpi_options = uint8_t((c.timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (c.sack ? TCPI_OPT_SACK : 0) |
                              (c.scaled ? TCPI_OPT_WSCALE : 0) | (c.ecn ? TCPI_OPT_ECN : 0));
  info.tcpi_snd_wscale = c.snd_scale & 15;
  info.tcpi_rcv_wscale = c.rcv_scale & 15;
  info.tcpi_rto = microseconds(c.rtt.timeout(shared.settings.rto));
  info.tcpi_snd_mss = mss;
  info.tcpi_rcv_mss = c.rcv_mss;
  info.tcpi_pmtu = c.path_mtu;
  info.tcpi_rtt = microseconds(c.rtt.smoothed());
  info.tcpi_rttvar = microseconds(c.rtt.variation());
  info.tcpi_min_rtt = microseconds(c.rtt.smallest());
  info.tcpi_snd_cwnd = c.window / mss;
  info.tcpi_snd_ssthresh = c.cubic.threshold() == UINT32_MAX ? 0x7fffffff : c.cubic.threshold() / mss;
  info.tcpi_reordering = 3;
  info.tcpi_bytes_acked = c.acknowledged;
  info.tcpi_notsent_bytes = c.unsent();
  count_segments(shared, c, info);
  return info;
}

}  // namespace

int Machine::fill_info(const Socket& s, void* value, socklen_t* size) {
  tcp_info info{};
  info.tcpi_state = s.listening ? 10 : 7;
  if (const Connection* c = s.connected ? stack_.find(s.id) : nullptr) info = info_of(stack_.resources(), *c);
  const size_t count = std::min<size_t>(*size, sizeof info);
  std::memcpy(value, &info, count);
  *size = socklen_t(count);
  return 0;
}

int Machine::get_option(int fd, int level, int name, void* value, socklen_t* size) {
  const std::unique_lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return fails(EBADF);
  const Connection* c = s->connected ? stack_.find(s->id) : nullptr;
  if (level == SOL_SOCKET && name == SO_ERROR) {
    const bool broken = s->end_told && s->ending != l7::tcp::Ending::kOrderly;
    return give_number(broken ? failure(*s) : 0, value, size);
  }
  if (level == IPPROTO_TCP && name == TCP_INFO) return fill_info(*s, value, size);
  if (level == IPPROTO_TCP && name == TCP_MAXSEG) return give_number(c ? int(l7::tcp::send_mss(*c)) : 536, value, size);
  if (level == IPPROTO_TCP && name == TCP_NODELAY) return give_number(!s->nagle, value, size);
  if (level == SOL_SOCKET || level == IPPROTO_IP || level == IPPROTO_IPV6) return give_number(0, value, size);
  return fails(ENOPROTOOPT);
}

int Machine::set_option(int fd, int level, int name, const void* value, socklen_t size) {
  const std::unique_lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return fails(EBADF);
  int number = 0;
  std::memcpy(&number, value, std::min<size_t>(size, sizeof number));
  if (level == IPPROTO_TCP && name == TCP_NODELAY) {
    s->nagle = number == 0;
    if (s->connected) stack_.set_nagle(s->id, s->nagle);
    collect();
    return 0;
  }
  if (level == SOL_SOCKET && name == SO_LINGER && size >= sizeof(linger)) {
    linger wanted;
    std::memcpy(&wanted, value, sizeof wanted);
    s->lingers = wanted.l_onoff;
    s->linger_seconds = wanted.l_linger;
    return 0;
  }
  // What changes nothing of what is seen here is taken; what we do not have is not.
  return level == IPPROTO_TCP && (name == TCP_FASTOPEN || name == TCP_FASTOPEN_CONNECT || name == TCP_MD5SIG)
             ? fails(ENOPROTOOPT)
             : 0;
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
  const Connection* c = s->connected ? stack_.find(s->id) : nullptr;
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
