#include "l7/door/shard_door.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "base/log.h"
#include "l7/policy/random_key.h"

namespace cardea::l7::door {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookAtFullPipe = 1ms;  // nobody tells that it has room again

// What woke us before, so that a bell never fills: at most once between two sleeps.
void read_all(int bell) {
  std::array<char, 512> rung;
  [[maybe_unused]] const ssize_t got = ::read(bell, rung.data(), rung.size());
}

tcp::Settings settings_of(const Sizes& sizes) {
  tcp::Settings settings;
  settings.table_key = policy::random_key();
  settings.isn_key = policy::random_key();
  settings.timestamp_key = policy::random_key();
  settings.cookie_key = policy::random_key();
  settings.connections = sizes.connections;
  settings.half_open = std::clamp(sizes.connections / 8, 256u, 8192u);
  settings.time_waits = sizes.connections;
  settings.listeners = 65'536;  // memory is taken as they come
  settings.blocks = uint32_t(sizes.receive_bytes / tcp::kBlockSize);
  settings.arrivals = std::clamp(settings.blocks / 16, 256u, 4096u);
  settings.segments = uint32_t(sizes.write_bytes / 1024);
  settings.pieces = uint32_t(sizes.write_bytes / 2048) + sizes.connections / 4;
  settings.replies = 256;
  settings.send_queue_max = ShardDoor::kUnacknowledgedMax;
  settings.keep_alive_idle = 2h;
  return settings;
}

// Of what this shard dialled.
template <typename Owners, typename Which>
void reset_dialled(const tcp::Stack& stack, const Owners& owners, Which&& which) {
  stack.each([&](const tcp::Connection& c) {
    TcpStream* stream = owners[c.index].stream;
    if (stream && !c.passive && which(c)) stream->close(Close::kReset);
  });
}

}  // namespace

// A quarter more than its share, since shards are not filled evenly, and what ends keeps its place until all is told.
Sizes Sizes::of(uint64_t connections_max, uint64_t buffer_bytes, uint32_t shards) {
  const uint64_t share = connections_max / shards;
  const uint64_t bytes = std::clamp<uint64_t>(buffer_bytes / 4 / shards, 8 << 20, 64 << 20);
  return {.connections = uint32_t(std::clamp<uint64_t>(share + share / 4 + 8192, 8192, 131'072)),
          .receive_bytes = bytes,
          .write_bytes = bytes};
}

// ---- from without

ShardDoor::~ShardDoor() {
  detach();
  if (stack_) loop_.work_every_turn(nullptr);
}

void ShardDoor::open(const Sizes& sizes) {
  if (stack_) return;
  stack_ = std::make_unique<tcp::Stack>(settings_of(sizes), loop_.now());
  blocks_ = std::make_unique<WriteBlocks>(uint32_t(sizes.write_bytes / WriteBlocks::kBlockSize));
  owners_.resize(sizes.connections);
  loop_.work_every_turn(this);
}

// What was dialled from the ports of another instance has its answers go there: who waits for one is told at once.
void ShardDoor::attach(std::shared_ptr<AttachedDoor> door) {
  detach();
  if (!stack_) return;
  wire_ = std::make_unique<Wire>(std::move(door), shard_);
  use_ports_of(wire_->instance(), wire_->shards());
  reset_dialled(*stack_, owners_, [this](const tcp::Connection& c) {
    return !std::ranges::binary_search(ports_, c.tuple.local_port);
  });
  if (auto watched = loop_.watch(wire_->bell_fd(), *this, EPOLLIN); !watched) {
    log::error("shard {}: the door's bell cannot be heard: {}", shard_, watched.error().message);
    detach();
  }
}

void ShardDoor::detach() {
  if (!wire_) return;
  loop_.unwatch(wire_->bell_fd());
  wire_.reset();
}

void ShardDoor::use_ports_of(uint32_t instance, uint32_t shards) {
  const DoorPorts range;
  ports_.clear();
  for (uint32_t port = range.first; port <= range.last; ++port)
    if (range.instance_of(uint16_t(port)) == instance && range.shard_of(uint16_t(port), shards) == shard_)
      ports_.push_back(uint16_t(port));
  next_port_ = std::random_device()() % std::max<size_t>(ports_.size(), 1);
}

std::expected<tcp::ListenerId, tcp::OpenFault> ShardDoor::listen(const Endpoint& at, Acceptor& acceptor) {
  auto id = stack_->listen(at);
  if (!id) return id;
  if (acceptors_.size() <= *id) acceptors_.resize(*id + 1);
  acceptors_[*id] = &acceptor;
  return id;
}

void ShardDoor::stop_listening(tcp::ListenerId id) {
  stack_->stop_listening(id);
  acceptors_[id] = nullptr;
}

// What was dialled ends with it: the dataplane, by the same plan, hands over no more answers, and who waits for one would
// wait for its time-out.
void ShardDoor::set_dialling(bool on, std::vector<IpAddress> port_addresses) {
  if (std::exchange(dials_, on) && !on)
    reset_dialled(*stack_, owners_, [](const tcp::Connection&) { return true; });
  source_.set_ports(std::move(port_addresses));
}

std::optional<IpAddress> ShardDoor::source_towards(const IpAddress& to) {
  if (!dials_ || !wire_) return std::nullopt;
  return source_.towards(to, loop_.now());
}

Result<std::pair<tcp::ConnectionId, Endpoint>> ShardDoor::dial(const IpAddress& source, const Endpoint& to) {
  for (size_t tried = 0; tried < ports_.size(); ++tried) {
    const Endpoint local{source, ports_[next_port_++ % ports_.size()]};
    const auto id = stack_->connect(local, to, loop_.now());
    if (id) return std::pair(*id, local);
    if (id.error() == tcp::OpenFault::kNoConnectionLeft)
      return fail("connect to " + to.text() + ": this shard has no connection left", Origin::kSelf, Retry::kSafe);
    if (id.error() == tcp::OpenFault::kBadTuple) break;
  }
  ++dials_without_port_;
  return fail("connect to " + to.text() + ": no source ports left", Origin::kSelf, Retry::kSafe);
}

// ---- streams

size_t ShardDoor::write(tcp::ConnectionId id, Bytes bytes) {
  BlockChain& lent = owners_[id.index].lent;
  size_t written = 0;
  while (written < bytes.size()) {
    MutableBytes room = blocks_->room(lent);
    room = room.first(std::min(room.size(), bytes.size() - written));
    if (room.empty()) break;
    std::ranges::copy(bytes.subspan(written, room.size()), room.begin());
    const size_t taken = stack_->write(id, room, loop_.now());
    blocks_->grow(lent, uint32_t(taken));
    written += taken;
    if (taken < room.size()) break;
  }
  if (lent.size == 0) blocks_->drop(lent, 0);
  return written;
}

// With a quarter of it free, so that writers come for more than a segment.
bool ShardDoor::may_write(tcp::ConnectionId id) const {
  const BlockChain& lent = owners_[id.index].lent;
  return lent.size <= kUnacknowledgedMax / 4 * 3 && blocks_->has_room(lent);
}

void ShardDoor::leave(tcp::ConnectionId id, Close how) {
  owners_[id.index].stream = nullptr;
  if (how == Close::kReset) stack_->abort(id, loop_.now());
  stack_->close(id, loop_.now());
}

// ---- turns

void ShardDoor::take_in(Instant now) {
  if (wire_ && take_packets(now)) patience_.came(monotonic_now());
  if (stack_->next() <= now) stack_->advance(now);
  hand_out();
}

bool ShardDoor::take_packets(Instant now) {
  bool any = false;
  for (uint32_t worker = 0; worker < wire_->workers(); ++worker) {
    for (uint32_t i = 0; i < kPacketsPerTurn; ++i) {
      const auto packet = wire_->next(worker);
      if (!packet) break;
      any = true;
      const bool good = (packet->flags & kChecksumGood) != 0;
      stack_->receive(packet->bytes, now, good ? tcp::Checksum::kGood : tcp::Checksum::kUnknown);
    }
  }
  if (any) wire_->release();
  return any;
}

void ShardDoor::hand_out() {
  while (const auto notice = stack_->next_notice()) hand_out(*notice);
}

void ShardDoor::hand_out(const tcp::Notice& notice) {
  if (notice.events & (tcp::kAcknowledged | tcp::kEnded)) take_back(notice);
  TcpStream* stream = owners_[notice.id.index].stream;
  if (stream) return stream->notice(notice.events);
  if ((notice.events & tcp::kOpened) && notice.listener != tcp::kNone) opened(notice);
}

// Whoever ended before it was handed over is closed already, and only let go.
void ShardDoor::opened(const tcp::Notice& notice) {
  const tcp::Connection* c = stack_->find(notice.id);
  if (!c || c->orphan) return;
  Acceptor* acceptor = acceptors_[notice.listener];
  if (!acceptor) return leave(notice.id, Close::kReset);
  const tcp::Tuple tuple = c->tuple;
  acceptor->accept(notice.id, {tuple.local, tuple.local_port}, {tuple.remote, tuple.remote_port});
}

void ShardDoor::take_back(const tcp::Notice& notice) {
  BlockChain& lent = owners_[notice.id.index].lent;
  const tcp::Connection* c = stack_->find(notice.id);
  const uint32_t kept = c ? c->written.size() : 0;
  if (!blocks_->drop(lent, lent.size - std::min(kept, lent.size)) || short_of_blocks_.empty()) return;
  List<TcpStream> waiting;
  waiting.take_all(short_of_blocks_);
  while (TcpStream* stream = waiting.pop_front()) stream->notice(0);
}

void ShardDoor::send_out(Instant now) {
  hand_out();
  if (!wire_) return;
  const uint32_t mtu = stack_->resources().settings.mtu;
  full_ = false;
  for (;;) {
    const MutableBytes room = wire_->room(mtu);
    full_ = room.empty();
    if (full_) break;
    const size_t size = stack_->transmit(room, now);
    if (size == 0) break;
    if (!wire_->send(uint32_t(size))) ++lost_at_full_pipe_;
  }
  wire_->publish();
  if (wire_->broken()) end_broken();
}

// The control thread sees it, and asks for another door.
void ShardDoor::end_broken() {
  log::error("shard {}: the door to the dataplane does not add up and is not used any more", shard_);
  wire_->door().broken = true;
  detach();
}

// ---- sleep

Instant ShardDoor::next() {
  const Instant timers = stack_->next();
  return full_ && wire_ ? std::min(timers, loop_.now() + kLookAtFullPipe) : timers;
}

bool ShardDoor::ready_to_sleep() {
  if (!wire_) return true;
  const Instant now = monotonic_now();
  if (!patience_.over(now)) return false;
  read_all(wire_->bell_fd());
  wire_->bell().arm();
  if (!wire_->empty()) {
    wire_->bell().disarm();
    return false;
  }
  patience_.sleeps(now);
  return true;
}

void ShardDoor::awake() {
  if (wire_) wire_->bell().disarm();
}

}  // namespace cardea::l7::door
