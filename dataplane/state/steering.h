// How a port's NIC chooses the queue of a packet, as a value: the Toeplitz hash of receive side scaling over the tuple,
// under the port's key, whose low bits name an entry of the port's table of queues. With it the worker of any tuple is
// known without a packet of it: an ICMP error comes to any queue, and has to reach the flow it is about.
#pragma once

#include <cstdint>
#include <vector>

#include "base/flow_hash.h"

namespace cardea::dataplane {

struct Steering {
  std::vector<uint8_t> key;     // 40 bytes or more, as long as the NIC wants it
  std::vector<uint16_t> table;  // hash % size → queue; empty: the port does not steer by flows, or nobody knows how
  bool tcp_ports = true, udp_ports = true;  // otherwise by addresses alone

  bool known() const { return !table.empty(); }
  uint32_t hash_of(const FlowTuple& tuple) const;
  // Precondition: known().
  uint16_t queue_of(const FlowTuple& tuple) const { return table[hash_of(tuple) % table.size()]; }
  uint32_t worker_of(const FlowTuple& tuple, uint32_t workers) const {
    return queue_of(tuple) % workers;  // queues are dealt out in turn
  }
};

}  // namespace cardea::dataplane
