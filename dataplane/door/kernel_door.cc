// The door's thread.
#include "dataplane/door/kernel_door.h"

#include <pthread.h>
#include <rte_mbuf.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>

namespace cardea::dataplane {
namespace {

constexpr uint16_t kFramesATurn = 32;
constexpr uint64_t kBellTag = ~uint64_t{0};

Result<> watch(int epoll, int fd, uint64_t tag) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = tag}};
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) return fail_errno("watch a descriptor of the kernel door");
  return {};
}

}  // namespace

KernelDoor::KernelDoor(std::vector<DoorPort> ports, Rings& rings, rte_mempool* pool, DoorCells cells)
    : ports_(std::move(ports)), rings_(rings), pool_(pool), cells_(cells) {}

KernelDoor::~KernelDoor() {
  stop_.store(true, std::memory_order_relaxed);
  rings_.door_bell.ring();
}

Result<> KernelDoor::start() {
  epoll_ = FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return fail_errno("epoll of the kernel door");
  if (auto done = watch(epoll_.get(), rings_.door_bell.fd(), kBellTag); !done) return done;
  for (size_t port = 0; port < ports_.size(); ++port)
    if (auto done = watch(epoll_.get(), ports_[port].tap_fd, port); !done) return done;
  thread_ = std::jthread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "cardea-door");
  return {};
}

void KernelDoor::run() {
  std::array<epoll_event, 16> events;
  while (!stop_.load(std::memory_order_relaxed)) {
    rings_.door_bell.arm();
    const bool more = carry_to_kernel() || stop_.load(std::memory_order_relaxed);
    const int ready = ::epoll_wait(epoll_.get(), events.data(), int(events.size()), more ? 0 : -1);
    rings_.door_bell.disarm();
    for (int i = 0; i < ready; ++i) {
      if (events[size_t(i)].data.u64 == kBellTag)
        rings_.door_bell.quiet();
      else
        carry_from_kernel(uint16_t(events[size_t(i)].data.u64));
    }
  }
}

bool KernelDoor::carry_to_kernel() {
  std::array<rte_mbuf*, kFramesATurn> packets;
  const uint16_t count = rings_.door.pop(packets.data(), kFramesATurn);
  for (uint16_t i = 0; i < count; ++i) {
    rte_mbuf* packet = packets[i];
    const bool known = packet->port < ports_.size();
    const ssize_t put =
        known ? ::write(ports_[packet->port].tap_fd, rte_pktmbuf_mtod(packet, void*), packet->data_len) : -1;
    if (put < 0) stats::add(cells_.tap_full, 1);
  }
  if (count > 0) rte_pktmbuf_free_bulk(packets.data(), count);
  return count > 0;
}

bool KernelDoor::carry_from_kernel(uint16_t port) {
  std::array<rte_mbuf*, kFramesATurn> packets;
  uint16_t count = 0;
  while (count < kFramesATurn) {
    rte_mbuf* packet = rte_pktmbuf_alloc(pool_);
    if (packet == nullptr) {
      // The frame must go, or epoll reports it for ever.
      char lost[1];
      if (::read(ports_[port].tap_fd, lost, sizeof lost) > 0) stats::add(cells_.no_buffer, 1);
      break;
    }
    const ssize_t got = ::read(ports_[port].tap_fd, rte_pktmbuf_mtod(packet, void*), rte_pktmbuf_tailroom(packet));
    if (got <= 0) {
      rte_pktmbuf_free(packet);
      break;
    }
    packet->data_len = uint16_t(got);
    packet->pkt_len = uint32_t(got);
    packet->port = port;
    packets[count++] = packet;
  }
  if (count == 0) return false;
  WorkerRings& sender = rings_.sender(port, ports_[port].queues);
  const uint16_t taken = sender.outbox.push(packets.data(), count);
  sender.bell.ring();
  stats::add(cells_.from_kernel, taken);
  if (taken < count) {
    stats::add(cells_.no_buffer, uint64_t(count - taken));
    rte_pktmbuf_free_bulk(packets.data() + taken, unsigned(count - taken));
  }
  return true;
}

}  // namespace cardea::dataplane
