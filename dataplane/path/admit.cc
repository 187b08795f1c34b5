// Room beside the line, for what has left it towards the kernel: by which of the door's three queues. A flood of what
// nobody asked for must not keep ARP, BGP and ssh from the host, nor a flood at a service keep these; and what is for
// another host's link address, which a port hears as well, is not the kernel's to answer.
#include "dataplane/path/path.h"
#include "dataplane/state/conversations.h"

namespace cardea::dataplane::path {
namespace {

constexpr uint16_t kEtherArp = 0x0806, kEtherLldp = 0x88cc, kEtherSlow = 0x8809;  // slow protocols: LACP
constexpr uint8_t kIcmp = 1, kIgmp = 2, kIcmpv6 = 58, kOspf = 89, kPim = 103, kVrrp = 112;

DoorClass class_of_ethertype(uint16_t type) {
  return type == kEtherArp || type == kEtherLldp || type == kEtherSlow ? DoorClass::kHost : DoorClass::kRest;
}

// Routers and neighbours (RFC 4861), which come without extension headers; not echo and errors.
bool finds_neighbours(const Batch& batch, uint32_t row) {
  constexpr uint16_t kIpv6Header = 40, kNextHeader = 6;
  const std::byte* ip = batch.data[row] + batch.frame[row].l3;
  if (batch.frame[row].l3_length <= kIpv6Header || uint8_t(ip[kNextHeader]) != kIcmpv6) return false;
  const auto type = uint8_t(ip[kIpv6Header]);
  return type >= 133 && type <= 137;
}

DoorClass class_of_protocol(const Batch& batch, uint32_t row) {
  switch (batch.frame[row].protocol) {
    case kIgmp:
    case kOspf:
    case kPim:
    case kVrrp:
      return DoorClass::kHost;
    case kIcmp:
      return DoorClass::kService;
    case kIcmpv6:
      return finds_neighbours(batch, row) ? DoorClass::kHost : DoorClass::kService;
    default:
      return DoorClass::kRest;
  }
}

bool begins(const wire::Frame& frame) {
  return frame.protocol != uint8_t(Protocol::kTcp) ||
         (frame.tcp_flags & (wire::kTcpSyn | wire::kTcpAck | wire::kTcpRst)) == wire::kTcpSyn;
}

// TCP and UDP: the host's own ports may be called; everybody else has to be answering.
DoorClass class_of_tuple(const WorkerState& worker, const wire::Frame& frame, const FlowTuple& tuple) {
  if (frame.l4 == 0) return DoorClass::kRest;  // a later fragment: nobody knows whose
  const DoorSettings& door = worker.plan->settings.door;
  const bool called = door.is_host_port(tuple.destination_port_be);
  if (called && begins(frame)) return DoorClass::kHost;
  const uint64_t hash = Conversations::hash(worker.plan->hash_key, tuple);
  if (worker.conversations == nullptr || !worker.conversations->knows(hash, worker.now_ms / 1000))
    return DoorClass::kRest;
  return called || door.is_host_port(tuple.source_port_be) ? DoorClass::kHost : DoorClass::kService;
}

DoorClass class_of(const WorkerState& worker, const Batch& batch, uint32_t row) {
  switch (batch.reason[row]) {
    case Reason::k_not_ip:
      return batch.length[row] < wire::kEtherHeader ? DoorClass::kRest
                                                    : class_of_ethertype(load_be16(batch.data[row] + 12));
    case Reason::k_not_tcp_udp:
      return class_of_protocol(batch, row);
    case Reason::k_local_service:
    case Reason::k_vlan:  // what is behind the tag is not looked at
      return DoorClass::kService;
    default:
      return class_of_tuple(worker, batch.frame[row], batch.tuple[row]);
  }
}

// The address of a virtual router is ours when it gets to us (RFC 5798 7.3), and so is every group's.
bool for_another_host(const Batch& batch, uint32_t row) {
  if (batch.mac == 0 || batch.length[row] < wire::kEtherHeader) return false;
  const uint64_t to = link_address(batch.data[row]);
  const uint64_t router = to & 0xff'ffff'ffff;
  return to != batch.mac && (to & 1) == 0 && router != 0x01'00'5e'00'00 && router != 0x02'00'5e'00'00;
}

}  // namespace

void admit(const WorkerState& worker, Batch& batch) {
  if (batch.live_count == batch.count) [[likely]]
    return;
  for (uint32_t row = 0; row < batch.count; ++row) {
    if (batch.verdict[row] != Verdict::kDoor) continue;
    if (!worker.plan->settings.door.other_hosts && for_another_host(batch, row))
      batch.drop(row, Reason::k_for_another_host);
    else
      batch.door[row] = class_of(worker, batch, row);
  }
}

}  // namespace cardea::dataplane::path
