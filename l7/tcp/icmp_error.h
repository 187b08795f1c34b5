// ICMP errors about TCP, as far as they matter to a connection (RFC 1191, 4443, 5927): which segment of ours they
// quote, and whether it was too big or could not be delivered. Read once; whatever is not such an error with a right
// checksum is none.
#pragma once

#include <optional>

#include "l7/tcp/segment.h"

namespace cardea::l7::tcp {

inline constexpr uint16_t kMtuFloor4 = 552, kMtuFloor6 = 1280;  // Linux' least for IPv4; RFC 8200 5

struct IcmpError {
  Tuple tuple;
  Seq seq = 0;       // of the quoted segment
  uint32_t mtu = 0;  // of what was too big; 0: it could not be delivered
};

std::optional<IcmpError> read_icmp_error(Bytes packet);

}  // namespace cardea::l7::tcp
