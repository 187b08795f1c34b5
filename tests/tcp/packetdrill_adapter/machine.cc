#include "tests/tcp/packetdrill_adapter/machine.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "l7/tcp/rooms.h"

namespace cardea::packetdrill {
namespace {

using l7::tcp::Connection;
using l7::tcp::Ending;

constexpr Instant kStart = Instant(std::chrono::seconds(100'000));

// Whether this segment's acknowledgement and SACKs deliver it.
bool delivers(const l7::tcp::Segment& s, const l7::tcp::Sent& sent) {
  if (!l7::tcp::after(sent.seqs.end, s.ack)) return true;
  for (size_t i = 0; i < s.options.sack_count; i++) {
    const auto& block = s.options.sacks[i];
    if (!l7::tcp::before(sent.seqs.start, block.start) && !l7::tcp::after(sent.seqs.end, block.end)) return true;
  }
  return false;
}

// A segment that was sent once and is delivered after a later one was (tcp_check_sack_reordering): from the first such
// to the furthest that was SACKed, in segments.
std::optional<uint32_t> reordering_of(const Connection& c, const l7::tcp::Resources& shared,
                                      const l7::tcp::Segment& s) {
  std::optional<l7::tcp::Seq> late, furthest;
  bool sacked_before = false;
  for (uint32_t i = c.scoreboard.tail(); i != l7::tcp::kNone; i = shared.segments[i].previous) {
    const l7::tcp::Sent& sent = shared.segments[i];
    const bool now = !sent.sacked && delivers(s, sent);
    if (!furthest && (sent.sacked || now)) furthest = sent.seqs.end;
    if (now && sacked_before && !sent.retransmitted) late = sent.seqs.start;
    sacked_before |= sent.sacked;
  }
  if (!late) return std::nullopt;
  const uint32_t mss = l7::tcp::send_mss(c);
  return (*furthest - *late + mss - 1) / mss;
}

}  // namespace

Machine::Machine(const char* flags) : now_(kStart) {
  const auto local = IpAddress::parse(flags ? flags : "192.168.0.1");
  local_ip_ = local ? *local : *IpAddress::parse("192.168.0.1");
}

Machine::~Machine() {
  for (const auto& [fd, socket] : sockets_) ::close(fd);
}

void Machine::start() {
  if (stack_) return;
  settings_ = kernel_settings();
  if (!local_ip_.is_v4()) settings_.stack.mtu = 1520;  // so that scripts are the same: suites run with --mtu=1520 then
  stack_ = std::make_unique<l7::tcp::Stack>(settings_.stack, now_);
}

Socket* Machine::find(int fd) {
  const auto at = sockets_.find(fd);
  return at == sockets_.end() ? nullptr : &at->second;
}

const Connection* Machine::connection_of(const Socket& s) const {
  return s.connected ? stack_->find(s.id) : nullptr;
}

bool Machine::knows(int fd) {
  const Lock lock(mutex_);
  return find(fd);
}

// A real one: at its end packetdrill closes what is left by libc's own call.
int Machine::new_descriptor(Socket socket) {
  const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (fd >= 0) sockets_[fd] = std::move(socket);
  return fd;
}

int Machine::failure(const Socket& s) const {
  switch (s.ending) {
    case Ending::kReset:
      return ECONNRESET;
    case Ending::kRefused:
      return ECONNREFUSED;
    case Ending::kTimedOut:
      return ETIMEDOUT;
    case Ending::kUnreachable:
      return EHOSTUNREACH;
    default:
      return ENOTCONN;
  }
}

void Machine::told(const l7::tcp::Notice& notice) {
  for (auto& [fd, s] : sockets_) {
    if (s.listening && s.listener == notice.listener && (notice.events & l7::tcp::kOpened)) {
      s.accepted.push_back(notice.id);
      s.wakes.in++;
      return;
    }
    if (!s.connected || s.id != notice.id) continue;
    if (notice.events & (l7::tcp::kReadable | l7::tcp::kPeerFinished)) s.wakes.in++;
    if (notice.events & l7::tcp::kOpened) s.opened = true, s.opened_at = now_, s.wakes.out++;
    if (notice.events & l7::tcp::kEnded) {
      s.end_told = true;
      s.ending = notice.ending;
      s.wakes.in++, s.wakes.out++, s.wakes.error++;
    }
    if (notice.events & (l7::tcp::kAcknowledged | l7::tcp::kEnded)) bytes_acknowledged(s);
    return;
  }
}

// How many bytes Linux hands down in one packet: what the pacing rate gives in a millisecond, more where round trips
// are short, and no more than half of either window (tcp_tso_autosize, tcp_xmit_size_goal, tcp_cwnd_test).
uint32_t Machine::segments_together(Bytes packet, uint32_t* mss) const {
  const auto segment = l7::tcp::read_segment(packet);
  for (const auto& [fd, s] : sockets_) {
    const Connection* c = connection_of(s);
    if (!segment || !c || c->tuple.remote_port != segment->tuple.local_port) continue;
    if (c->tuple.local_port != segment->tuple.remote_port) continue;
    *mss = l7::tcp::send_mss(*c);
    const auto trip = uint64_t(c->rtt.smoothed() / std::chrono::microseconds(1));
    const auto smallest = uint64_t(c->rtt.smallest() / std::chrono::microseconds(1)) >> 9;
    const bool slow_start = c->window < c->cubic.threshold() / 2;
    const uint64_t window = std::max(c->window, c->in_flight()) * uint64_t{slow_start ? 200u : 120u} / 100;
    uint64_t most = trip ? window * 1'000'000 / trip >> 10 : 65'536;
    if (smallest < 32) most += 65'536 >> smallest;
    most = std::min<uint64_t>({most, c->snd_wnd_max / 2, 65'000});
    most = std::min<uint64_t>(std::max<uint64_t>(most, settings_.segments_least * *mss), c->window / 2);
    return uint32_t(std::max<uint64_t>(most / *mss, 1) * *mss);
  }
  return 0;
}

void Machine::leaves(Bytes packet) {
  const bool again = stack_->counters().retransmitted != retransmitted_;
  retransmitted_ = stack_->counters().retransmitted;
  std::vector<std::byte> bytes(packet.begin(), packet.end());
  if (without_push_) take_push_off(bytes);
  if (const auto segment = l7::tcp::read_segment(bytes)) {
    count_leaving(*segment, again);
    const auto& t = segment->tuple;
    const Socket* s = owner_of({t.remote, t.local, t.remote_port, t.local_port});
    if (s) clamp_mss(bytes, s->mss_most);
  }
  uint32_t mss = 1;
  const uint32_t most = segments_together(bytes, &mss);
  const bool together = !left_.empty() && left_.back().at == now_;
  if (together && offload_.merge(left_.back().packet, bytes, again, mss, most)) return;
  offload_.leaves(bytes, again);
  left_.push_back({now_, std::move(bytes)});
}

void Machine::collect() {
  std::byte room[65536];
  for (bool more = true; more;) {
    more = false;
    while (const size_t size = stack_->transmit(room, now_)) leaves(Bytes(room, size));
    while (const auto notice = stack_->next_notice()) told(*notice), more = true;
    for (auto& [fd, s] : sockets_) {
      look_for_stamps(s);
      more |= next_record(s);
    }
  }
  changed_.notify_all();
}

Instant Machine::next() {
  Instant first = stack_ ? stack_->next() : Instant::max();
  for (const Waiter* waiter : waiters_) first = std::min(first, waiter->until);
  for (const auto& [fd, s] : sockets_)
    if (!s.held.empty()) first = std::min(first, s.held_until);
  return first;
}

void Machine::clock_moves(Instant to) {
  if (to <= now_) return;
  for (auto& [fd, s] : sockets_) {
    const Connection* c = s.opened ? connection_of(s) : nullptr;
    if (!c || c->snd_end == c->snd_una || c->written.size() == 0) continue;
    const uint32_t edge = c->snd_una + c->snd_wnd, unsent = c->unsent();
    const uint32_t open = l7::tcp::after(edge, c->snd_nxt) ? edge - c->snd_nxt : 0;
    s.spent.busy += to - now_;
    if (open < std::min(unsent, l7::tcp::send_mss(*c)))
      s.spent.by_window += to - now_;
    else if (unsent == 0 && s.short_of_room)
      s.spent.by_buffer += to - now_;
  }
  now_ = to;
}

void Machine::wait(Lock& lock, int timeout_ms, const std::function<bool()>& over) {
  if (over() || timeout_ms == 0) return;
  const Instant until = timeout_ms < 0 ? Instant::max() : now_ + std::chrono::milliseconds(timeout_ms);
  Waiter waiter{[&] { return over() || now_ >= until; }, until};
  waiters_.push_back(&waiter);
  changed_.wait(lock, [&] { return waiter.finished || waiter.over(); });
  std::erase(waiters_, &waiter);
  returning_ = std::this_thread::get_id();
  returned_.notify_all();
}

void Machine::let_return(Lock& lock) {
  constexpr auto kPatience = std::chrono::milliseconds(50);  // its caller may have no use for the time
  for (bool any = true; any;) {
    any = false;
    for (Waiter* waiter : waiters_) any |= waiter->finished = waiter->finished || waiter->over();
    changed_.notify_all();
    if (any) returned_.wait(lock);
  }
  if (returning_ && *returning_ != std::this_thread::get_id())
    returned_.wait_for(lock, kPatience, [&] { return !returning_; });
  returning_.reset();
}

void Machine::run_to(Lock& lock, Instant until) {
  let_return(lock);
  for (Instant due; (due = next()) <= until; let_return(lock)) {
    clock_moves(due);
    if (!stack_) continue;
    stack_->advance(now_);
    for (auto& [fd, s] : sockets_)
      if (!s.held.empty() && s.held_until <= now_) let_held_go(s, true);
    collect();
  }
  clock_moves(until);
}

// Whose connection it is, or who listens for it.
Socket* Machine::owner_of(const l7::tcp::Tuple& tuple) {
  Socket* listens = nullptr;
  for (auto& [fd, s] : sockets_) {
    if (const Connection* c = connection_of(s); c && c->tuple == tuple) return &s;
    if (s.listening && s.local.port == tuple.local_port) listens = &s;
  }
  return listens;
}

void Machine::watch_arrival(const l7::tcp::Segment& segment) {
  Socket* s = owner_of(segment.tuple);
  const Connection* c = s ? connection_of(*s) : nullptr;
  if (!c) return;
  s->traffic.segments_in++;
  s->traffic.data_in += !segment.payload.empty();
  if (l7::tcp::after(segment.ack, c->snd_nxt)) return;
  for (uint32_t i = c->scoreboard.head(); i != l7::tcp::kNone; i = stack_->resources().segments[i].next) {
    const l7::tcp::Sent& sent = stack_->resources().segments[i];
    s->traffic.delivered += !sent.sacked && delivers(segment, sent);
  }
  const auto degree = c->sack ? reordering_of(*c, stack_->resources(), segment) : std::nullopt;
  if (!degree) return;
  s->reordering.seen++;
  s->reordering.degree = std::max(s->reordering.degree, *degree);
}

void Machine::count_leaving(const l7::tcp::Segment& segment, bool again) {
  const auto& t = segment.tuple;
  Socket* s = owner_of({t.remote, t.local, t.remote_port, t.local_port});
  if (!s || !s->connected) return;
  s->traffic.segments_out++;
  s->traffic.data_out += !segment.payload.empty();
  s->traffic.bytes_out += segment.payload.size();
  s->traffic.again += again;
  s->traffic.bytes_again += again ? segment.payload.size() : 0;
}

int Machine::packet_arrives(const void* packet, size_t size) {
  const Lock lock(mutex_);
  start();
  const auto* at = static_cast<const std::byte*>(packet);
  std::vector<std::byte> bytes(at, at + size);
  if (const auto segment = l7::tcp::read_segment(bytes)) {
    watch_arrival(*segment);
    if (const Socket* s = owner_of(segment->tuple)) clamp_mss(bytes, s->mss_most);
  }
  stack_->receive(bytes, now_);
  collect();
  return 0;
}

// Its caller knows no waiting: time goes on until a packet leaves, and where no time is waited for there is none.
int Machine::packet_left(void* packet, size_t* size, long long* microseconds) {
  Lock lock(mutex_);
  while (left_.empty() && next() != Instant::max()) run_to(lock, next());
  if (left_.empty()) {
    *size = 0;
    return 0;
  }
  const Left& first = left_.front();
  *size = std::min(*size, first.packet.size());
  std::memcpy(packet, first.packet.data(), *size);
  *microseconds = first.at.time_since_epoch() / std::chrono::microseconds(1);
  left_.pop_front();
  return 0;
}

void Machine::sleep(std::chrono::nanoseconds time) {
  Lock lock(mutex_);
  run_to(lock, now_ + time);
}

// Each look at the clock moves it a little: its caller waits by looking again and again.
void Machine::time_of_day(timeval* answer) {
  Lock lock(mutex_);
  if (returning_ == std::this_thread::get_id()) {
    returning_.reset();
    returned_.notify_all();
  } else {
    run_to(lock, now_ + std::chrono::microseconds(1));
  }
  const auto microseconds = now_.time_since_epoch() / std::chrono::microseconds(1);
  answer->tv_sec = microseconds / 1'000'000;
  answer->tv_usec = microseconds % 1'000'000;
}

}  // namespace cardea::packetdrill
