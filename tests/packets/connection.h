// A fullnat TCP connection through a site, spoken for both of its ends: what each sends carries the numbers that end
// would use, as it sees them.
#pragma once

#include "tests/packets/ends.h"

namespace cardea::dataplane::test {

class Connection {
 public:
  Connection(Site& site, const FlowTuple& client) : site_(site), client_(client) {}
  static constexpr uint32_t kClientOpens = 1000, kBackendOpens = 7000;

  Outcome syn();      // the client's; from then on the backend knows where to answer
  Outcome syn_ack();  // the backend's
  Outcome ack();      // the client's, of that
  void open() { syn(), syn_ack(), ack(); }

  // Anything else; `sequence` and `acknowledgement` count from where the connection opened, SYN and all.
  std::vector<std::byte> client_frame(uint8_t flags, uint32_t sequence = 1, uint16_t payload = 0,
                                      uint32_t acknowledgement = 1) const;
  std::vector<std::byte> backend_frame(uint8_t flags, uint32_t sequence = 1, uint16_t payload = 0,
                                       uint32_t acknowledgement = 1) const;
  Outcome client(uint8_t flags, uint32_t sequence = 1, uint16_t payload = 0, uint32_t acknowledgement = 1) {
    return run(site_, client_frame(flags, sequence, payload, acknowledgement));
  }
  Outcome backend(uint8_t flags, uint32_t sequence = 1, uint16_t payload = 0, uint32_t acknowledgement = 1) {
    return run(site_, backend_frame(flags, sequence, payload, acknowledgement));
  }

  FlowState state() const;
  const FlowTuple& client_tuple() const { return client_; }
  const FlowTuple& reply_tuple() const { return reply_; }

 private:
  Site& site_;
  FlowTuple client_, reply_;
  uint32_t seen_opening_ = 0;  // the client's, by the backend
};

// What an answer to this frame is sent by and to.
FlowTuple answer_to(const std::vector<std::byte>& frame);
// kFree: there is no such flow.
FlowState state_of(const Site& site, const FlowTuple& tuple);

}  // namespace cardea::dataplane::test
