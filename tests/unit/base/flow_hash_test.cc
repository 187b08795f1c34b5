#include "base/flow_hash.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/maglev.h"

namespace cardea {
namespace {

constexpr HashKey kKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

// SipHash-c-d as its paper writes it, over bytes: written apart from the product so that the two check each other.
struct Reference {
  uint64_t v[4];
  int rounds, final_rounds;

  void round() {
    const auto turn = [](uint64_t x, int n) { return x << n | x >> (64 - n); };
    v[0] += v[1];
    v[1] = turn(v[1], 13);
    v[1] ^= v[0];
    v[0] = turn(v[0], 32);
    v[2] += v[3];
    v[3] = turn(v[3], 16);
    v[3] ^= v[2];
    v[0] += v[3];
    v[3] = turn(v[3], 21);
    v[3] ^= v[0];
    v[2] += v[1];
    v[1] = turn(v[1], 17);
    v[1] ^= v[2];
    v[2] = turn(v[2], 32);
  }
  void word(uint64_t m) {
    v[3] ^= m;
    for (int i = 0; i < rounds; ++i) round();
    v[0] ^= m;
  }
};

// `padded`: with the last word that carries the length, as the paper has it for texts of any length.
uint64_t siphash(int c, int d, HashKey key, const std::vector<uint8_t>& text, bool padded) {
  Reference s{{key.k0 ^ 0x736f6d6570736575, key.k1 ^ 0x646f72616e646f6d, key.k0 ^ 0x6c7967656e657261,
               key.k1 ^ 0x7465646279746573},
              c,
              d};
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t m = 0;
    for (size_t k = 0; k < 8; ++k) m |= uint64_t{text[i + k]} << 8 * k;
    s.word(m);
  }
  if (padded) {
    uint64_t m = uint64_t{text.size()} << 56;
    for (size_t k = 0; i + k < text.size(); ++k) m |= uint64_t{text[i + k]} << 8 * k;
    s.word(m);
  }
  s.v[2] ^= 0xff;
  for (int k = 0; k < s.final_rounds; ++k) s.round();
  return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}

std::vector<uint8_t> counting(size_t size) {
  std::vector<uint8_t> text(size);
  for (size_t i = 0; i < size; ++i) text[i] = uint8_t(i);
  return text;
}

// The paper's own vector (appendix A) shows that the reference is SipHash; only the number of rounds differs in ours.
TEST(SipHashReference, AgreesWithThePaper) {
  EXPECT_EQ(siphash(2, 4, kKey, counting(15), true), 0xa129ca6149be45e5u);
}

TEST(FlowHash, Ipv4IsSipHash13OverTheTuple) {
  // source, destination, source port, destination port as in the packet, protocol, family
  const std::vector<uint8_t> text{192, 0, 2, 1, 198, 51, 100, 7, 0x12, 0x34, 0, 80, 6, 4, 0, 0};
  const std::array<uint8_t, 4> source{192, 0, 2, 1}, destination{198, 51, 100, 7};
  EXPECT_EQ(flow_hash_v4(kKey, load_native<uint32_t>(source.data()), load_native<uint32_t>(destination.data()),
                         __builtin_bswap16(0x1234), __builtin_bswap16(80), Protocol::kTcp),
            siphash(1, 3, kKey, text, false));
}

TEST(FlowHash, Ipv6IsSipHash13OverTheTuple) {
  auto text = counting(32);
  text.insert(text.end(), {0xab, 0xcd, 0, 53, 17, 6, 0, 0});
  EXPECT_EQ(flow_hash_v6(kKey, text.data(), text.data() + 16, __builtin_bswap16(0xabcd), __builtin_bswap16(53),
                         Protocol::kUdp),
            siphash(1, 3, kKey, text, false));
}

TEST(RingMemberKey, IsSipHash13OverTheName) {
  for (size_t size = 0; size < 40; ++size) {
    const auto text = counting(size);
    EXPECT_EQ(ring_member_key(kKey, {reinterpret_cast<const char*>(text.data()), size}),
              siphash(1, 3, kKey, text, true));
  }
}

FlowTuple tuple(const char* source, const char* destination, uint16_t sport, uint16_t dport, Protocol protocol) {
  return {*IpAddress::parse(source), *IpAddress::parse(destination), __builtin_bswap16(sport), __builtin_bswap16(dport),
          protocol};
}

TEST(FlowHash, TupleAsksTheFunctionOfItsFamily) {
  const auto v4 = tuple("192.0.2.1", "198.51.100.7", 4000, 80, Protocol::kTcp);
  const auto mapped = tuple("::ffff:192.0.2.1", "::ffff:198.51.100.7", 4000, 80, Protocol::kTcp);
  EXPECT_EQ(v4, mapped);
  EXPECT_EQ(flow_hash(kKey, v4), flow_hash(kKey, mapped));
  EXPECT_EQ(flow_hash(kKey, v4), flow_hash_v4(kKey, load_native<uint32_t>(v4.source.v4_data()),
                                              load_native<uint32_t>(v4.destination.v4_data()), v4.source_port_be,
                                              v4.destination_port_be, v4.protocol));
  const auto v6 = tuple("2001:db8::1", "2001:db8::2", 4000, 80, Protocol::kTcp);
  EXPECT_EQ(flow_hash(kKey, v6), flow_hash_v6(kKey, v6.source.bytes.data(), v6.destination.bytes.data(),
                                              v6.source_port_be, v6.destination_port_be, v6.protocol));
}

TEST(FlowHash, EveryFieldAndTheKeyCount) {
  const auto base = tuple("192.0.2.1", "198.51.100.7", 4000, 80, Protocol::kTcp);
  const uint64_t hash = flow_hash(kKey, base);
  EXPECT_NE(hash, flow_hash(kKey, tuple("192.0.2.2", "198.51.100.7", 4000, 80, Protocol::kTcp)));
  EXPECT_NE(hash, flow_hash(kKey, tuple("192.0.2.1", "198.51.100.8", 4000, 80, Protocol::kTcp)));
  EXPECT_NE(hash, flow_hash(kKey, tuple("192.0.2.1", "198.51.100.7", 4001, 80, Protocol::kTcp)));
  EXPECT_NE(hash, flow_hash(kKey, tuple("192.0.2.1", "198.51.100.7", 4000, 81, Protocol::kTcp)));
  EXPECT_NE(hash, flow_hash(kKey, tuple("192.0.2.1", "198.51.100.7", 4000, 80, Protocol::kUdp)));
  EXPECT_NE(hash, flow_hash(kKey, tuple("198.51.100.7", "192.0.2.1", 80, 4000, Protocol::kTcp)));
  EXPECT_NE(hash, flow_hash({kKey.k0, kKey.k1 + 1}, base));
}

// Chi-square over `shares` shares; 5 standard deviations above its mean would be one chance in a million.
void expect_even(const std::vector<uint32_t>& counts, uint32_t total) {
  const double expected = double(total) / double(counts.size());
  double chi_square = 0;
  for (const uint32_t count : counts) chi_square += (count - expected) * (count - expected) / expected;
  const double degrees = double(counts.size() - 1);
  EXPECT_LT(chi_square, degrees + 5 * std::sqrt(2 * degrees));
  EXPECT_GT(chi_square, degrees - 5 * std::sqrt(2 * degrees)) << "too even to be a hash";
}

TEST(FlowHash, NeighbouringFlowsSpreadEvenly) {
  constexpr uint32_t kFlows = 200'000;
  std::vector<uint32_t> slots(1009), owners(7), owners_of_one_slot_range(5), buckets(1024);
  uint32_t in_range = 0;
  for (uint32_t i = 0; i < kFlows; ++i) {
    const uint64_t hash = flow_hash_v4(kKey, __builtin_bswap32(0x0a000000 + i / 1000), 0x01020304,
                                       __builtin_bswap16(uint16_t(1024 + i % 1000)), 0x5000, Protocol::kTcp);
    ++slots[share_of(hash, 1009)];
    ++owners[owner_of(hash, 7)];
    ++buckets[hash % 1024];
    if (share_of(hash, 4) == 2) ++owners_of_one_slot_range[owner_of(hash, 5)], ++in_range;
  }
  expect_even(slots, kFlows);
  expect_even(owners, kFlows);
  expect_even(buckets, kFlows);
  expect_even(owners_of_one_slot_range, in_range);
}

TEST(HashKey, ComesFromTheSeed) {
  // SHA-256("abc") = ba7816bf 8f01cfea 414140de 5dae2223 … (FIPS 180-2, appendix B.1)
  EXPECT_EQ(HashKey::from_seed("abc"), (HashKey{0xeacf018fbf1678ba, 0x2322ae5dde404141}));
  EXPECT_FALSE(HashKey::from_seed("a") == HashKey::from_seed("b"));
}

}  // namespace
}  // namespace cardea
