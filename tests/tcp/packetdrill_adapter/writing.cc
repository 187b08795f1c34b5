// Writing, and what the kernel's socket does before TCP has a say: how much fits into its buffer, what MSG_MORE and
// TCP_CORK hold back, and the notices of MSG_ZEROCOPY.
#include <ctime>  // errqueue.h needs it before

#include <linux/errqueue.h>
#include <linux/tcp.h>
#include <netinet/in.h>

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

// Bytes in one of the kernel's buffers: whole segments, in half of the peer's largest window.
uint32_t buffer_goal(const Connection& c) {
  const uint32_t mss = l7::tcp::send_mss(c);
  return std::max(std::min(c.snd_wnd_max / 2, 65'000u) / mss, 1u) * mss;
}

template <typename Value>
void put_message(msghdr* message, int level, int type, const Value& value) {
  const size_t size = CMSG_SPACE(sizeof value);
  if (!message->msg_control || message->msg_controllen < size) {
    message->msg_controllen = 0;
    return;
  }
  cmsghdr header{.cmsg_len = CMSG_LEN(sizeof value), .cmsg_level = level, .cmsg_type = type};
  auto* at = static_cast<std::byte*>(message->msg_control);
  std::memcpy(at, &header, sizeof header);
  std::memcpy(at + CMSG_LEN(0), &value, sizeof value);
  message->msg_controllen = size;
}

// What the kernel tells of an error, and of whom: a socket address, which is nobody's here.
template <typename Address>
struct ToldError {
  sock_extended_err error;
  Address from;
};

template <typename Address>
void put_completion(msghdr* message, int level, int type, uint32_t first, uint32_t last) {
  ToldError<Address> told{};
  told.error.ee_origin = SO_EE_ORIGIN_ZEROCOPY;
  told.error.ee_code = SO_EE_CODE_ZEROCOPY_COPIED;
  told.error.ee_info = first;
  told.error.ee_data = last;
  put_message(message, level, type, told);
}

}  // namespace

// The last buffer that has not left is filled; for another there has to be room.
size_t Machine::room_to_write(const Socket& s, size_t wanted) const {
  const Connection* c = connection_of(s);
  if (!c) return wanted;
  const uint32_t goal = buffer_goal(*c), unsent = c->unsent();
  if (unsent % goal != 0) return std::min<size_t>(wanted, goal - unsent % goal);
  const bool fits = c->snd_end - c->snd_una < s.send_buffer && unsent < s.unsent_most;
  return fits ? std::min<size_t>(wanted, goal) : 0;
}

// As sk_stream_is_writeable: a third of the buffer is free, and half of what may wait unsent.
bool Machine::can_write(const Socket& s) const {
  const Connection* c = connection_of(s);
  if (!c || s.end_told || s.write_shut) return true;
  const uint64_t queued = c->snd_end - c->snd_una;
  return queued + queued / 2 <= s.send_buffer && 2 * uint64_t{c->unsent()} < s.unsent_most;
}

void Machine::write_now(Socket& s, Bytes bytes) {
  if (bytes.empty()) return;
  s.lent.emplace_back(bytes.begin(), bytes.end());
  s.written += stack_->write(s.id, s.lent.back(), now_);
}

void Machine::let_held_go(Socket& s, bool pushed) {
  const std::vector<std::byte> held = std::exchange(s.held, {});
  write_now(s, held);
  without_push_ = !pushed && !s.pushed;
  s.pushed = false;
  collect();
  without_push_ = false;
}

void Machine::hold_or_write(Socket& s, Bytes bytes, int flags) {
  std::vector<std::byte> whole = std::exchange(s.held, {});
  whole.insert(whole.end(), bytes.begin(), bytes.end());
  const Connection* c = connection_of(s);
  const bool more = (flags & MSG_MORE) || s.corked;
  if (!c || !more) {
    s.pushed = false;
    write_now(s, whole);
    return collect();
  }
  const uint32_t mss = l7::tcp::send_mss(*c);
  const size_t goes = whole.size() / mss * mss;
  s.pushed |= !(flags & MSG_MORE);
  write_now(s, Bytes(whole).first(goes));
  without_push_ = !s.pushed;
  collect();
  without_push_ = false;
  s.held.assign(whole.begin() + ptrdiff_t(goes), whole.end());
  s.held_until = now_ + c->rtt.timeout(settings_.stack.rto);
}

// Room may have come, numbers of MSG_ZEROCOPY are over, and what MSG_MORE held back goes with an acknowledgement.
void Machine::bytes_acknowledged(Socket& s) {
  const Connection* c = connection_of(s);
  const uint64_t done = c && !s.end_told ? c->acknowledged : UINT64_MAX;
  while (!s.in_flight.empty() && s.in_flight.front().end <= done) {
    const uint32_t number = s.in_flight.front().number;
    s.in_flight.pop_front();
    s.wakes.error++;
    if (!s.completions.empty() && s.completions.back().last + 1 == number)
      s.completions.back().last = number;
    else
      s.completions.push_back({number, number});
  }
  if (!c || s.end_told) return;
  if (!s.held.empty() && !s.corked) let_held_go(s, false);
  if (!s.short_of_room) return;
  // A packet of one segment costs the kernel a power of two and its own record; twice the window may wait.
  const uint32_t segments = std::max(c->window / l7::tcp::send_mss(*c), 10u);
  if (!s.buffer_fixed) s.send_buffer = std::max(s.send_buffer, segments * 2 * 2304);
  if (!can_write(s)) return;
  s.short_of_room = false;
  s.wakes.out++;
}

ssize_t Machine::write(int fd, const std::byte* from, size_t size, int flags) {
  Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s || !s->connected) return fails(s ? EPIPE : EBADF);
  size_t count = 0;
  const auto over = [&] { return s->end_told || s->write_shut; };
  const auto step = [&] {
    for (size_t room; !over() && s->opened && count < size; count += room) {
      room = room_to_write(*s, size - count);
      if (room == 0) break;
      if (!from) return true;
      hold_or_write(*s, Bytes(from + count, room), flags | (count + room < size ? MSG_MORE : 0));
    }
    return over() || count == size;
  };
  if (!step()) {
    s->short_of_room = true;
    const bool waits = !s->non_blocking && !(flags & MSG_DONTWAIT);
    if (waits) wait(lock, -1, [&] { return (can_write(*s) || over()) && step(); });
  }
  if (!from && size > 0 && !over()) return fails(s->opened ? EFAULT : EAGAIN);
  if (count > 0 && (flags & MSG_ZEROCOPY) && s->zero_copy) s->in_flight.push_back({s->written, s->next_number++});
  if (count > 0 || size == 0) return ssize_t(count);
  if (s->write_shut && !s->end_told) return fails(EPIPE);
  if (s->end_told) return fails_to_read(*s) < 0 ? -1 : fails(EPIPE);
  return fails(EAGAIN);
}

ssize_t Machine::take_completion(int fd, msghdr* message) {
  const Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return fails(EBADF);
  if (s->completions.empty()) return fails(EAGAIN);
  const Completion c = s->completions.front();
  s->completions.pop_front();
  if (s->domain == AF_INET6)
    put_completion<sockaddr_in6>(message, IPPROTO_IPV6, IPV6_RECVERR, c.first, c.last);
  else
    put_completion<sockaddr_in>(message, IPPROTO_IP, IP_RECVERR, c.first, c.last);
  message->msg_flags = MSG_ERRQUEUE;
  return 0;
}

void Machine::tell_queue(int fd, msghdr* message) {
  const Lock lock(mutex_);
  const Socket* s = find(fd);
  const Connection* c = s ? connection_of(*s) : nullptr;
  if (!c || !s->tells_queue) {
    message->msg_controllen = 0;
    return;
  }
  const int readable = int(c->received.readable());
  put_message(message, IPPROTO_TCP, TCP_CM_INQ, readable == 0 && c->fin_received ? 1 : readable);
}

}  // namespace cardea::packetdrill
