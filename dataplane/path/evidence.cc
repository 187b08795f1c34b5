// TCP's and UDP's evidence. Of a NAT flow both sides are heard: it is established when the client acknowledges the
// backend's SYN-ACK, for whoever forged the client's address never saw that. Of a tunnel only the client is heard, and
// its second packet has to do.
//
// RFC 5961: a RST counts only where it lies within what its receiver expects next, as far as its acknowledgements tell.
// A receiver that does not believe it answers with an ACK, and that brings the flow back as any other packet does. A
// FIN is held to the same, or a stranger's would close what the other side has half closed.
#include "dataplane/path/evidence.h"

namespace cardea::dataplane::path {
namespace {

using wire::kTcpAck, wire::kTcpFin, wire::kTcpRst, wire::kTcpSyn;

// How far beyond the last acknowledgement a RST may lie, by the side that sent it: data under way. Clients can be
// forged by anyone who knows their port; backends answer to a NAT port that has to be guessed as well, and often break
// off a download with much of it under way.
constexpr uint32_t kResetWindow[2] = {1u << 16, 1u << 20};
// The same of a FIN, which is sent behind all data: as much as Linux lets a socket send ahead (the third of tcp_wmem).
constexpr uint32_t kFinWindow = 4u << 20;
// A client's first acknowledgement may be one of data that came with the SYN-ACK or behind it.
constexpr uint32_t kHandshakeWindow = 1u << 16;

struct Segment {
  uint32_t sequence, acknowledgement;
  uint32_t payload;  // bytes
  uint8_t flags;
  bool syn_ack() const { return (flags & (kTcpSyn | kTcpAck)) == (kTcpSyn | kTcpAck); }
};

Segment segment_of(const Batch& batch, uint32_t row) {
  const wire::Frame& frame = batch.frame[row];
  const std::byte* tcp = batch.data[row] + frame.l4;
  const uint32_t left = uint32_t{frame.l3} + frame.l3_length - frame.l4;
  return {load_be32(tcp + 4), load_be32(tcp + 8), left - wire::tcp_header_in(tcp, left), frame.tcp_flags};
}

// How far beyond the other side's last acknowledgement it begins, as that side counts.
uint32_t ahead(const FlowNat& nat, bool reply, const Segment& segment) {
  const uint32_t sequence = reply ? segment.sequence : segment.sequence + nat.shift.sequence;
  return sequence - nat.acknowledged[!reply];
}

bool reset_fits(const FlowNat& nat, bool reply, const Segment& segment) {
  return ahead(nat, reply, segment) < kResetWindow[reply];
}

// One that was acknowledged already may come again.
bool fin_fits(const FlowNat& nat, bool reply, const Segment& segment) {
  return ahead(nat, reply, segment) + segment.payload + 1 <= kFinWindow;
}

void shake_hands(FlowNat& nat, bool reply, const Segment& segment) {
  if (reply && segment.syn_ack()) {
    nat.heard |= kBackendAnswered;
    nat.acknowledged = {segment.sequence + 1, segment.acknowledgement};
  }
  const bool answers = !reply && nat.heard & kBackendAnswered && (segment.flags & (kTcpSyn | kTcpAck)) == kTcpAck;
  if (answers && segment.acknowledgement - nat.acknowledged[0] < kHandshakeWindow) nat.heard |= kProven;
}

void finish(FlowNat& nat, bool reply, const Segment& segment) {
  const uint8_t mine = reply ? kBackendFin : kClientFin;
  if (segment.flags & kTcpFin) {
    if (!(nat.heard & kProven) || fin_fits(nat, reply, segment)) nat.heard |= mine;
  } else if (segment.payload > 0) {
    nat.heard &= uint8_t(~mine);  // whoever sends on did not finish
  }
}

// False: the packet is none of the flow's two sides'.
bool advance_nat(FlowNat& nat, bool reply, const Segment& segment) {
  if (segment.flags & kTcpRst) {
    if (nat.heard & kProven && !reset_fits(nat, reply, segment)) return false;
    nat.head.state = FlowState::kReset;
    return true;
  }
  if (!(nat.heard & kProven)) shake_hands(nat, reply, segment);
  if (nat.heard & kProven && segment.flags & kTcpAck) nat.acknowledged[reply] = segment.acknowledgement;
  finish(nat, reply, segment);
  constexpr uint8_t kBoth = kClientFin | kBackendFin;
  nat.head.state = (nat.heard & kBoth) == kBoth ? FlowState::kClosing
                   : nat.heard & kProven        ? FlowState::kEstablished
                                                : FlowState::kSyn;
  return true;
}

// Nobody can tell whether a tunnel's client sent its FIN or RST: it shortens the flow's life until it sends on.
void advance_tunnel(FlowHead& flow, const Segment& segment) {
  if (segment.flags & kTcpRst)
    flow.state = FlowState::kReset;
  else if (segment.flags & kTcpFin)
    flow.state = FlowState::kClosing;
  else if (flow.state == FlowState::kClosing ? segment.payload > 0 : !(segment.flags & kTcpSyn))
    flow.state = FlowState::kEstablished;
}

bool advance_tcp(FlowTable& flows, FlowRef ref, const Segment& segment) {
  if (FlowTable::kind(ref) == FlowKind::kNat) return advance_nat(flows.nat(ref), FlowTable::is_reply(ref), segment);
  advance_tunnel(flows.head(ref), segment);
  return true;
}

void advance_udp(FlowTable& flows, FlowRef ref) {
  FlowHead& flow = flows.head(ref);
  const bool nat = FlowTable::kind(ref) == FlowKind::kNat;
  if (FlowTable::is_reply(ref))
    flows.nat(ref).heard |= kBackendAnswered;
  else if (!nat || flows.nat(ref).heard & kBackendAnswered)
    flow.state = FlowState::kUdp;
}

}  // namespace

bool weigh(FlowTable& flows, FlowRef ref, const Batch& batch, uint32_t row) {
  const FlowHead& flow = flows.head(ref);
  const bool later_fragment = batch.frame[row].l4 == 0;
  if (flow.protocol == Protocol::kTcp && !later_fragment) return advance_tcp(flows, ref, segment_of(batch, row));
  if (flow.state == FlowState::kUdpOnce) advance_udp(flows, ref);
  return true;
}

}  // namespace cardea::dataplane::path
