// The kernel door: one thread that carries frames between the workers and the TAPs. What the kernel sends on a TAP
// leaves by the port beside it; what no service wants, and what is the kernel's own, is written to the TAP. It sleeps
// in epoll and never holds a worker up: when its ring is full, the worker drops and counts.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <thread>
#include <vector>

#include "base/file_descriptor.h"
#include "base/stats.h"
#include "dataplane/door/tap.h"
#include "dataplane/worker_rings.h"

struct rte_mempool;

namespace cardea::dataplane {

// Cells of the door thread's own core in the stats segment.
struct DoorCells {
  stats::Cell from_kernel = nullptr;  // frames that the kernel sent
  stats::Cell tap_full = nullptr;     // frames that a TAP did not take
  stats::Cell no_buffer = nullptr;    // frames of the kernel's that found no buffer or a full ring
};

struct DoorPort {
  int tap_fd = -1;
  uint16_t queues = 1;  // of the port beside it
};

class KernelDoor {
 public:
  // `rings`, `pool` and the TAPs outlive the door. Ports in the plan's order.
  KernelDoor(std::vector<DoorPort> ports, Rings& rings, rte_mempool* pool, DoorCells cells);
  KernelDoor(const KernelDoor&) = delete;
  ~KernelDoor();  // asks the thread to end and waits for it

  Result<> start();

 private:
  void run();
  bool carry_to_kernel();
  bool carry_from_kernel(uint16_t port);

  std::vector<DoorPort> ports_;
  Rings& rings_;
  rte_mempool* pool_;
  DoorCells cells_;
  FileDescriptor epoll_;
  std::atomic<bool> stop_ = false;
  std::jthread thread_;
};

}  // namespace cardea::dataplane
