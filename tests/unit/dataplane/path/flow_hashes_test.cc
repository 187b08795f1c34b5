// Four lanes must answer what base/flow_hash.h does, whatever families stand side by side and however many rows are
// left over.
#include "dataplane/path/flow_hashes.h"

#include <gtest/gtest.h>

#include <random>

namespace cardea::dataplane::path {
namespace {

TEST(FlowHashes, AreTheOneFlowHashBitForBit) {
  constexpr HashKey kKey{0x0123456789abcdef, 0xfedcba9876543210};
  std::mt19937 random(5);
  for (uint32_t count = 0; count <= 64; ++count)
    for (const uint32_t sixes : {0u, 2u, 1u}) {  // none, some, all
      FlowTuple tuple[64];
      wire::Frame frame[64];
      uint8_t rows[64];
      uint64_t hash[64] = {};
      for (uint32_t i = 0; i < 64; ++i) {
        const bool six = sixes == 1 || (sixes == 2 && random() % 3 == 0);
        for (uint8_t& byte : tuple[i].source.bytes) byte = uint8_t(random());
        for (uint8_t& byte : tuple[i].destination.bytes) byte = uint8_t(random());
        if (!six)
          tuple[i].source = IpAddress::v4(uint32_t(random())), tuple[i].destination = IpAddress::v4(uint32_t(random()));
        tuple[i].source_port_be = uint16_t(random()), tuple[i].destination_port_be = uint16_t(random());
        tuple[i].protocol = random() % 2 ? Protocol::kTcp : Protocol::kUdp;
        frame[i].family = six ? 6 : 4;
        rows[i] = uint8_t(63 - i);
      }
      hash_flows(kKey, tuple, frame, rows, count, hash);
      for (uint32_t i = 0; i < count; ++i)
        ASSERT_EQ(hash[rows[i]], flow_hash(kKey, tuple[rows[i]])) << count << ' ' << i;
      for (uint32_t i = count; i < 64; ++i) ASSERT_EQ(hash[rows[i]], 0u) << "a row that was not asked for";
    }
}

}  // namespace
}  // namespace cardea::dataplane::path
