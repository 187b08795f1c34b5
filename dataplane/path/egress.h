// Where emit gives packets to. The worker fills it in once; tests and benches put their own ends behind it. Every
// function takes ownership of the packets it says it took; emit drops and counts the others.
#pragma once

#include <cstdint>

#include "base/ip.h"
#include "dataplane/state/hops.h"
#include "dataplane/wire/tunnel_quote.h"

struct rte_mbuf;

namespace cardea::dataplane {

// The door's queues, first things first: what the host itself cannot do without; what its services and the connections
// of its programs carry; and what nobody asked for, of which only so much a second passes.
enum class DoorClass : uint8_t { kHost, kService, kRest };
inline constexpr uint32_t kDoorClasses = 3;

struct Egress {
  void* context = nullptr;
  // Takes the first n of `count` packets and returns n. `port` is the index in the plan's ports.
  uint16_t (*transmit)(void* context, uint16_t port, rte_mbuf** packets, uint16_t count) = nullptr;
  // To the kernel, by the TAP beside the port of rte_mbuf::port.
  uint16_t (*to_kernel)(void* context, DoorClass door, rte_mbuf** packets, uint16_t count) = nullptr;
  uint16_t (*hand_over)(void* context, uint32_t worker, rte_mbuf** packets, uint16_t count) = nullptr;
  // Keeps a finished frame (destination MAC still zero) until `next_hop` on `port` is resolved. false: its queue is
  // full.
  bool (*wait)(void* context, rte_mbuf* packet, uint16_t port, const IpAddress& next_hop) = nullptr;
  // To control: the way to a tunnel's end is narrower than was thought. Routers repeat themselves, so it may get lost.
  void (*tell)(void* context, const wire::TunnelTooBig& told) = nullptr;
  // To control: an instance of cardea-l7 was found broken (L7Instance::find_broken).
  void (*report)(void* context) = nullptr;
};

}  // namespace cardea::dataplane
