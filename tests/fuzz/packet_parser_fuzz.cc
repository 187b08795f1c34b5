// Any bytes as a frame through the whole line: nothing may crash, and nothing outside the frame may be read. The frame
// stands at the very end of a heap block of its own, so that the sanitizer sees the first byte too many.
#include <rte_mbuf.h>

#include <cstring>

#include "tests/packets/site.h"

using namespace cardea::dataplane;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static test::Site& site = *new test::Site({.backends = 2, .flows = 256, .checksums = image::Checksums::full});
  if (size > 1600) return 0;
  constexpr size_t kHeadroom = 128;
  std::vector<std::byte> block(kHeadroom + size);
  std::memcpy(block.data() + kHeadroom, data, size);
  alignas(64) rte_mbuf packet{};
  packet.buf_addr = block.data();
  packet.buf_len = uint16_t(block.size());
  packet.data_off = kHeadroom;
  packet.nb_segs = 1;
  packet.data_len = uint16_t(size);
  packet.pkt_len = uint32_t(size);
  // Random sums are seldom right: the first bit of the first byte says that the NIC found them so.
  if (size > 0 && data[0] & 1) packet.ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
  Batch batch;
  batch.virtual_link = size > 1 && data[1] & 1;
  batch.count = 1;
  batch.packet[0] = &packet;
  ++site.worker.now_ms;
  path::decide(site.worker, batch);
  if (batch.verdict[0] == Verdict::kOnTheLine) __builtin_trap();
  return 0;
}
