// Both ends of a connection.
#include "tests/packets/connection.h"

namespace cardea::dataplane::test {

FlowTuple answer_to(const std::vector<std::byte>& frame) {
  FlowTuple t;
  wire::read_frame(frame, t);
  return {t.destination, t.source, t.destination_port_be, t.source_port_be, t.protocol};
}

FlowState state_of(const Site& site, const FlowTuple& t) {
  const FlowRef ref = site.worker.flows.find(flow_hash(site.plan->hash_key, t), t);
  return ref == kNoFlow ? FlowState::kFree : site.worker.flows.head(ref).state;
}

Outcome Connection::syn() {
  Outcome outcome = run(site_, frame({.tuple = client_, .tcp_flags = wire::kTcpSyn, .sequence = kClientOpens}));
  if (outcome.verdict != Verdict::kForward) return outcome;
  FlowTuple to_backend;
  const wire::Frame read = wire::read_frame(outcome.frame, to_backend);
  reply_ = answer_to(outcome.frame);
  seen_opening_ = load_be32(outcome.frame.data() + read.l4 + 4);
  return outcome;
}

Outcome Connection::syn_ack() {
  return backend(wire::kTcpSyn | wire::kTcpAck, 0);
}

Outcome Connection::ack() {
  return client(wire::kTcpAck);
}

std::vector<std::byte> Connection::client_frame(uint8_t flags, uint32_t sequence, uint16_t payload,
                                                uint32_t acknowledgement) const {
  return frame({.tuple = client_,
                .tcp_flags = flags,
                .payload = payload,
                .sequence = kClientOpens + sequence,
                .acknowledgement = kBackendOpens + acknowledgement});
}

std::vector<std::byte> Connection::backend_frame(uint8_t flags, uint32_t sequence, uint16_t payload,
                                                 uint32_t acknowledgement) const {
  return frame({.tuple = reply_,
                .tcp_flags = flags,
                .payload = payload,
                .sequence = kBackendOpens + sequence,
                .acknowledgement = seen_opening_ + acknowledgement});
}

FlowState Connection::state() const {
  return state_of(site_, client_);
}

}  // namespace cardea::dataplane::test
