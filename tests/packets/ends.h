// One burst through the line of a site, with ends behind emit that write down what they were given and free it.
#pragma once

#include <optional>
#include <vector>

#include "tests/packets/site.h"

namespace cardea::dataplane::test {

struct Outcome {
  Verdict verdict = Verdict::kOnTheLine;
  Reason reason = Reason::kNone;
  SlotId slot = kNoSlot;
  bool new_flow = false;
  std::vector<std::byte> frame;  // as it left, by whichever end; empty when none took it
};

struct Ends {
  struct Given {
    std::vector<std::byte> frame;
    uint32_t to = 0;                    // port, worker or DoorClass
    IpAddress next;                     // of packets that wait
    std::optional<KnownDatagram> mark;  // of fragments that were joined (path/join.h)
  };
  std::vector<Given> sent, kernel, handed_over, waiting;
  std::vector<wire::TunnelTooBig> told;
  uint32_t reports = 0;                                              // of broken doors
  uint16_t transmit_room = 64, door_room = 64, hand_over_room = 64;  // how many each end takes a call
  bool wait_room = true;

  Egress egress();
};

struct How {
  bool spread = false, handed_over = false, virtual_link = false;
  uint64_t mac = 0;                                 // the port's, as in Batch
  uint64_t ol_flags = 0;                            // what the NIC says of every frame (RTE_MBUF_F_RX_…)
  uint16_t port = 0;                                // that all came by
  std::vector<std::optional<KnownDatagram>> marks;  // by frame
};
std::vector<Outcome> run(Site& site, Ends& ends, const std::vector<std::vector<std::byte>>& frames, How how = {});
Outcome run(Site& site, const std::vector<std::byte>& frame);

// What the shards have left, a burst of it through the second line.
std::vector<Outcome> send(Site& site, Ends& ends);

}  // namespace cardea::dataplane::test
