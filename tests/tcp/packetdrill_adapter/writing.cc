// Writing, and what the kernel's socket does before TCP has a say: how much fits into its buffer, what MSG_MORE and
// TCP_CORK hold back, and the notices of MSG_ZEROCOPY.
#include <ctime>  // errqueue.h needs it before

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
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

// What the kernel's buffers take: each costs more than the bytes in it.
uint64_t memory_of(const Connection& c) {
  constexpr uint64_t kEach = 768;
  const uint64_t queued = c.snd_end - c.snd_una, goal = buffer_goal(c);
  return queued + (queued + goal - 1) / goal * kEach;
}

// What is told beside the bytes, one after another.
class ControlMessages {
 public:
  explicit ControlMessages(msghdr* message)
      : message_(message), room_(message->msg_control ? message->msg_controllen : 0) {
    message->msg_controllen = 0;
  }
  template <typename Value>
  void put(int level, int type, const Value& value) {
    size_t& used = message_->msg_controllen;
    if (room_ - used < CMSG_SPACE(sizeof value)) return;
    cmsghdr header{.cmsg_len = CMSG_LEN(sizeof value), .cmsg_level = level, .cmsg_type = type};
    auto* at = static_cast<std::byte*>(message_->msg_control) + used;
    std::memset(at, 0, CMSG_SPACE(sizeof value));
    std::memcpy(at, &header, sizeof header);
    std::memcpy(at + CMSG_LEN(0), &value, sizeof value);
    used += CMSG_SPACE(sizeof value);
  }

 private:
  msghdr* message_;
  size_t room_;
};

// What the kernel tells of an error, and of whom: a socket address, which is nobody's here.
template <typename Address>
struct ToldError {
  sock_extended_err error;
  Address from;
};

void put_error(ControlMessages& messages, int domain, const sock_extended_err& error) {
  if (domain == AF_INET6)
    messages.put(IPPROTO_IPV6, IPV6_RECVERR, ToldError<sockaddr_in6>{error, {}});
  else
    messages.put(IPPROTO_IP, IP_RECVERR, ToldError<sockaddr_in>{error, {}});
}

timespec time_of(Instant at) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(at);
  return {time_t(whole.time_since_epoch().count()), long((at - whole) / std::chrono::nanoseconds(1))};
}

}  // namespace

// The last buffer that has not left is filled; for another there has to be room.
size_t Machine::room_to_write(const Socket& s, size_t wanted) const {
  const Connection* c = connection_of(s);
  if (!c) return wanted;
  const uint32_t goal = buffer_goal(*c), unsent = c->unsent();
  if (unsent % goal != 0) return std::min<size_t>(wanted, goal - unsent % goal);
  const bool fits = memory_of(*c) < s.send_buffer && unsent < s.unsent_most;
  return fits ? std::min<size_t>(wanted, goal) : 0;
}

// As sk_stream_is_writeable: a third of the buffer is free, and half of what may wait unsent.
bool Machine::can_write(const Socket& s) const {
  const Connection* c = connection_of(s);
  if (!c || s.end_told || s.write_shut) return true;
  const uint64_t queued = memory_of(*c);
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

// Behind a record that is over the next begins when nothing of it waits any more; what is not the last does not wait
// for acknowledgements (RFC 896), as more follows.
bool Machine::next_record(Socket& s) {
  const Connection* c = s.records.empty() ? nullptr : connection_of(s);
  if (!c) return false;
  const bool more = s.records.size() > 1;
  if (c->unsent() > 0) {
    const bool waits = c->nagle;
    stack_->set_nagle(s.id, false);
    return waits;
  }
  stack_->set_nagle(s.id, s.nagle && !more);
  const std::vector<std::byte> record = std::move(s.records.front());
  s.records.pop_front();
  write_now(s, record);
  return true;
}

void Machine::hold_or_write(Socket& s, Bytes bytes, int flags) {
  if (s.record_ended || !s.records.empty()) {
    s.records.emplace_back(bytes.begin(), bytes.end());
    return collect();
  }
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
    if (waits) {
      wait(lock, -1, [&] {
        if (!can_write(*s) && !over()) return false;
        s->short_of_room = !step();
        return !s->short_of_room;
      });
    }
  }
  if (!from && size > 0 && !over()) return fails(s->opened ? EFAULT : EAGAIN);
  if (count > 0) s->record_ended = flags & MSG_EOR;
  if (count > 0 && s->stamps_asked) {
    const uint64_t key = s->written - s->stamps_from - 1;
    s->stamped.push_back({s->written, uint32_t(key)});
    look_for_stamps(*s);
  }
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
  if (s->completions.empty() && s->stamps.empty()) return fails(EAGAIN);
  ControlMessages messages(message);
  message->msg_flags = MSG_ERRQUEUE;
  if (!s->stamps.empty()) {
    const Stamp stamp = s->stamps.front();
    s->stamps.pop_front();
    messages.put(SOL_SOCKET, SCM_TIMESTAMPING, scm_timestamping{{time_of(stamp.at), {}, {}}});
    put_error(
        messages, s->domain,
        {.ee_errno = ENOMSG, .ee_origin = SO_EE_ORIGIN_TIMESTAMPING, .ee_info = stamp.what, .ee_data = stamp.key});
    message->msg_flags |= MSG_TRUNC;  // the packet is not given back with it
    return 0;
  }
  const Completion c = s->completions.front();
  s->completions.pop_front();
  put_error(messages, s->domain,
            {.ee_origin = SO_EE_ORIGIN_ZEROCOPY,
             .ee_code = SO_EE_CODE_ZEROCOPY_COPIED,
             .ee_info = c.first,
             .ee_data = c.last});
  return 0;
}

// Packets leave as soon as they are made: they are scheduled and sent at one time.
void Machine::look_for_stamps(Socket& s) {
  const Connection* c = s.stamped.empty() ? nullptr : connection_of(s);
  if (!c) return;
  const uint64_t left = s.written - c->unsent();
  for (Stamped& one : s.stamped) {
    if (one.left || one.end > left) continue;
    one.left = true;
    if (s.stamps_asked & SOF_TIMESTAMPING_TX_SCHED) s.stamps.push_back({now_, SCM_TSTAMP_SCHED, one.key});
    if (s.stamps_asked & SOF_TIMESTAMPING_TX_SOFTWARE) s.stamps.push_back({now_, SCM_TSTAMP_SND, one.key});
    s.wakes.error++;
  }
  while (!s.stamped.empty() && s.stamped.front().end <= c->acknowledged) {
    if (s.stamps_asked & SOF_TIMESTAMPING_TX_ACK) s.stamps.push_back({now_, SCM_TSTAMP_ACK, s.stamped.front().key});
    s.stamped.pop_front();
    s.wakes.error++;
  }
}

void Machine::tell_queue(int fd, msghdr* message) {
  const Lock lock(mutex_);
  const Socket* s = find(fd);
  const Connection* c = s ? connection_of(*s) : nullptr;
  ControlMessages messages(message);
  if (!c || !s->tells_queue) return;
  const int readable = int(c->received.readable());
  messages.put(IPPROTO_TCP, TCP_CM_INQ, readable == 0 && c->fin_received ? 1 : readable);
}

}  // namespace cardea::packetdrill
