// What `join` writes on a fragment for the rooms and workers behind it, in the buffer's field for a flow's mark: the
// datagram's ports and the identification it leaves with. No device is asked for marks, so the field is ours; a burst
// from a device is never read for it.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/state/first_fragments.h"

namespace cardea::dataplane::path {

inline void mark(rte_mbuf& packet, const KnownDatagram& datagram) {
  packet.ol_flags |= RTE_MBUF_F_RX_FDIR | RTE_MBUF_F_RX_FDIR_ID;
  packet.hash.fdir.lo = datagram.id;
  packet.hash.fdir.hi = datagram.ports;
}
inline bool is_marked(const rte_mbuf& packet) {
  return packet.ol_flags & RTE_MBUF_F_RX_FDIR_ID;
}
inline KnownDatagram mark_of(const rte_mbuf& packet) {
  return {packet.hash.fdir.hi, packet.hash.fdir.lo};
}

}  // namespace cardea::dataplane::path
