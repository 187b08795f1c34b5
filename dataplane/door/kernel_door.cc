// A thread of the door.
#include "dataplane/door/kernel_door.h"

#include <pthread.h>
#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace cardea::dataplane {
namespace {

constexpr uint16_t kFramesATurn = 64;
constexpr uint16_t kSegmentsATurn = 64;
constexpr size_t kFrameRoom = sizeof(VirtioHeader) + 65536 + 64;  // the kernel's largest, Ethernet and VLAN tags
constexpr uint64_t kBellTag = ~uint64_t{0};
constexpr int kHeldBackUs = 50;     // until a worker's full ring is looked at again
constexpr int kStrangersUs = 1000;  // until those who have to wait are looked at again

// Taps by edge: a frame that stays because a worker's ring is full must not wake us again and again.
Result<> watch(int epoll, int fd, uint64_t tag, uint32_t how) {
  epoll_event event{.events = EPOLLIN | how, .data = {.u64 = tag}};
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) return fail_errno("watch a descriptor of the kernel door");
  return {};
}

}  // namespace

KernelDoor::KernelDoor(const Surroundings& surroundings)
    : around_(surroundings),
      left_(surroundings.ports.size(), Left::kNothing),
      frame_(std::make_unique<std::byte[]>(kFrameRoom)) {
  for (uint16_t port = 0; port < around_.ports.size(); ++port) ways_.push_back(way_from(port));
}

KernelDoor::~KernelDoor() {
  stop_.store(true, std::memory_order_relaxed);
  bell().ring();
}

Result<> KernelDoor::start() {
  epoll_ = FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return fail_errno("epoll of the kernel door");
  if (auto done = watch(epoll_.get(), bell().fd(), kBellTag, 0); !done) return done;
  for (size_t port = 0; port < around_.ports.size(); ++port) {
    const int fd = around_.ports[port].side->descriptor(around_.number);
    if (fd < 0) continue;
    if (auto done = watch(epoll_.get(), fd, port, EPOLLET); !done) return done;
  }
  cycles_per_millisecond_ = rte_get_tsc_hz() / 1000;
  thread_ = std::jthread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "cardea-door");
  return {};
}

void KernelDoor::run() {
  (void)rte_thread_register();  // buffers at hand of its own; without, each one costs more
  Doorbell& bell = this->bell();
  std::array<epoll_event, 16> events;
  while (!stop_.load(std::memory_order_relaxed)) {
    around_.quiet_points.wake(around_.reader);
    now_ms_ = rte_rdtsc() / cycles_per_millisecond_;
    bell.arm();
    const bool more = carry_to_kernel() || stop_.load(std::memory_order_relaxed);
    for (uint16_t port = 0; port < left_.size(); ++port)
      if (left_[port] != Left::kNothing) left_[port] = carry_from_kernel(port);
    around_.quiet_points.sleep(around_.reader);
    const int patience = patience_us(more);
    const timespec limit{.tv_sec = 0, .tv_nsec = std::max(patience, 0) * 1000L};
    const int ready =
        ::epoll_pwait2(epoll_.get(), events.data(), int(events.size()), patience < 0 ? nullptr : &limit, nullptr);
    bell.disarm();
    for (int i = 0; i < ready; ++i) {
      if (events[size_t(i)].data.u64 == kBellTag)
        bell.quiet();
      else
        left_[events[size_t(i)].data.u64] = Left::kMore;
    }
  }
  rte_thread_unregister();
}

int KernelDoor::patience_us(bool more) const {
  if (more || std::ranges::find(left_, Left::kMore) != left_.end()) return 0;
  if (std::ranges::find(left_, Left::kHeldBack) != left_.end()) return kHeldBackUs;
  return ring(DoorClass::kRest).empty() ? -1 : kStrangersUs;
}

// ---- to the kernel

// What comes first waits for one turn of the others at most.
bool KernelDoor::carry_to_kernel() {
  uint32_t carried = carry_class(DoorClass::kHost, kFramesATurn);
  carried += carry_class(DoorClass::kService, kFramesATurn);
  if (!ring(DoorClass::kRest).empty()) carried += carry_class(DoorClass::kRest, strangers_allowed());
  return carried > 0;
}

uint32_t KernelDoor::carry_class(DoorClass which, uint32_t at_most) {
  std::array<rte_mbuf*, kFramesATurn> packets;
  const uint16_t count = ring(which).pop(packets.data(), uint16_t(at_most));
  if (count == 0) return 0;
  for (uint16_t i = 0; i < count; ++i) write_to_kernel(packets[i]);
  give_to_kernel();
  rte_pktmbuf_free_bulk(packets.data(), count);
  return count;
}

uint32_t KernelDoor::strangers_allowed() {
  const LivePlan* plan = around_.plans.load();
  const uint32_t waiting = std::min<uint32_t>(ring(DoorClass::kRest).size(), kFramesATurn);
  return plan == nullptr ? 0 : around_.strangers.take(waiting, plan->settings.door.rate, now_ms_ * 1000);
}

void KernelDoor::write_to_kernel(rte_mbuf* packet) {
  if (packet->port >= around_.ports.size()) return count(around_.path_cells.drops[size_t(Reason::k_door_full)], 1);
  const MutableBytes frame{rte_pktmbuf_mtod(packet, std::byte*), packet->data_len};
  KernelSide& side = *around_.ports[packet->port].side;
  if (!side.takes_large()) return give_as_it_came(side, frame);
  if (packet->port == coalesced_port_ && coalescer_.add(frame)) return;
  give_to_kernel();
  coalesced_port_ = packet->port;
  coalescer_.add(frame);
}

void KernelDoor::give_to_kernel() {
  const uint32_t frames = coalescer_.frames();
  const std::span<const iovec> pieces = coalescer_.finish();
  if (pieces.empty()) return;
  give(*around_.ports[coalesced_port_].side, pieces, frames);
}

void KernelDoor::give_as_it_came(KernelSide& side, MutableBytes frame) {
  VirtioHeader nothing_to_do{};
  const iovec pieces[] = {{&nothing_to_do, sizeof nothing_to_do}, {frame.data(), frame.size()}};
  give(side, pieces, 1);
}

void KernelDoor::give(KernelSide& side, std::span<const iovec> pieces, uint32_t frames) {
  if (const Reason lost = side.give(around_.number, pieces); lost != Reason::kNone)
    count(around_.path_cells.drops[size_t(lost)], frames);
}

// ---- from the kernel

KernelDoor::Way KernelDoor::way_from(uint16_t port) const {
  std::vector<uint16_t> queues;
  for (const DoorPort& each : around_.ports) queues.push_back(each.queues);
  const auto workers = uint32_t(around_.rings.workers.size());
  const uint32_t sender = sender_for_door(port, queues[port], around_.number, workers);
  const uint32_t together = kSegmentsATurn * doors_at(sender, queues, workers);
  // Of more doors than half a ring has room for, all would have to read a large frame at the same moment.
  WorkerRings& rings = *around_.rings.workers[sender];
  const uint32_t room = std::min(together, std::max<uint32_t>(kSegmentsATurn, rings.outbox.capacity() / 2));
  return {&rings, room};
}

// A door sees the room before it reads a frame, and the others that send by the same worker may see the same.
KernelDoor::Left KernelDoor::carry_from_kernel(uint16_t port) {
  const auto& [sender, room] = ways_[port];
  for (uint16_t frames = 0; frames < kFramesATurn; ++frames) {
    if (sender->outbox.room() < room) return Left::kHeldBack;
    const ssize_t got = ::read(around_.ports[port].side->descriptor(around_.number), frame_.get(), kFrameRoom);
    if (got <= 0) return Left::kNothing;
    if (!take_frame(port, size_t(got))) count(around_.rows.from_kernel_lost, 1);
  }
  return Left::kMore;
}

bool KernelDoor::take_frame(uint16_t port, size_t size) {
  if (size <= sizeof(VirtioHeader)) return false;
  const auto header = load_native<VirtioHeader>(frame_.get());
  const Bytes frame{frame_.get() + sizeof header, size - sizeof header};
  FlowTuple tuple;
  const wire::Frame read = wire::read_behind_tags(frame, tuple);
  const auto segments = Segments::of(header, frame, read, tuple);
  if (!segments) return false;
  note_conversation(read, tuple);
  const uint32_t sent = send_segments(port, *segments);
  if (sent == segments->count()) count_answered(*segments, read, tuple);
  count(around_.rows.from_kernel, sent);
  count(around_.rows.from_kernel_lost, segments->count() - sent);
  return true;
}

// Before it leaves, so that the answer finds it. A reset begins nothing: the kernel sends one to every stray packet.
void KernelDoor::note_conversation(const wire::Frame& read, const FlowTuple& tuple) {
  const LivePlan* plan = around_.plans.load();
  if (plan == nullptr || read.fault != wire::Fault::kNone || read.l4 == 0 || (read.tcp_flags & wire::kTcpRst)) return;
  const FlowTuple answer{tuple.destination, tuple.source, tuple.destination_port_be, tuple.source_port_be,
                         tuple.protocol};
  if (!around_.conversations.remember(Conversations::hash(plan->hash_key, answer), uint32_t(now_ms_) / 1000))
    count(around_.rows.conversations_forgotten, 1);
}

// Returns how many found a buffer and room in the worker's ring.
uint32_t KernelDoor::send_segments(uint16_t port, const Segments& segments) {
  WorkerRings& sender = *ways_[port].sender;
  std::array<rte_mbuf*, kSegmentsATurn> packets;
  uint32_t sent = 0;
  while (sent < segments.count()) {
    const auto count = uint16_t(std::min<uint32_t>(kSegmentsATurn, segments.count() - sent));
    if (rte_pktmbuf_alloc_bulk(around_.pool, packets.data(), count) != 0) return sent;
    uint16_t written = 0;
    for (; written < count; ++written) {
      const uint32_t size = segments.size(sent + written);
      if (size > rte_pktmbuf_tailroom(packets[written])) break;  // larger than the port's MTU: not ours to send
      segments.write(sent + written, rte_pktmbuf_mtod(packets[written], std::byte*));
      packets[written]->data_len = uint16_t(size);
      packets[written]->pkt_len = size;
      packets[written]->port = port;
    }
    const uint16_t taken = sender.outbox.push(packets.data(), written);
    sender.bell.ring();
    sent += taken;
    if (taken == count) continue;
    rte_pktmbuf_free_bulk(packets.data() + taken, unsigned(count - taken));
    return sent;
  }
  return sent;
}

// What a local service answers is counted as its traffic, as what the workers forward is by account. For the port it is
// counted by the worker that sends it.
void KernelDoor::count_answered(const Segments& segments, const wire::Frame& read, const FlowTuple& tuple) {
  const LivePlan* plan = around_.plans.load();
  if (plan == nullptr || read.l4 == 0) return;
  const ServiceId id = plan->listen_table->find(tuple.source, tuple.source_port_be, tuple.protocol);
  if (id == kNoService || (*plan->services)[id].forward != image::Forward::local) return;
  count((*plan->services)[id].cells.packets_out, segments.count());
  count((*plan->services)[id].cells.bytes_out, segments.bytes());
}

}  // namespace cardea::dataplane
