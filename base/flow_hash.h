// The one flow hash of a cluster (SipHash-1-3, Aumasson and Bernstein 2012, over fixed-length words): rings, flow
// tables, shard choice and the tools all ask this function, so every node and every layer gives one answer. The key
// comes from the cluster's seed, so that nobody outside can aim flows at one backend or one bucket.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/ip.h"

namespace cardea {

struct HashKey {
  uint64_t k0 = 0, k1 = 0;

  // From the operator's words: the same seed gives the same key on every node (SHA-256 of the text, first 16 bytes,
  // little-endian words).
  static HashKey from_seed(std::string_view seed);
  bool operator==(const HashKey&) const = default;
};

// A flow as it arrived: addresses and ports in network order, as they stand in the packet.
struct FlowTuple {
  IpAddress source, destination;
  uint16_t source_port_be = 0, destination_port_be = 0;
  Protocol protocol = Protocol::kTcp;

  bool operator==(const FlowTuple&) const = default;
};

namespace flow_hash_detail {
struct Sip {
  uint64_t v0, v1, v2, v3;
  explicit Sip(HashKey key)
      : v0(key.k0 ^ 0x736f6d6570736575ull), v1(key.k1 ^ 0x646f72616e646f6dull), v2(key.k0 ^ 0x6c7967656e657261ull),
        v3(key.k1 ^ 0x7465646279746573ull) {}
  void round() {
    v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
  }
  void add(uint64_t word) { v3 ^= word, round(), v0 ^= word; }
  uint64_t finish() {
    v2 ^= 0xff;
    round(), round(), round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};
inline uint64_t ports_word(uint16_t source_be, uint16_t destination_be, Protocol protocol, unsigned family) {
  return uint64_t{source_be} | uint64_t{destination_be} << 16 | uint64_t(protocol) << 32 | uint64_t{family} << 40;
}
}  // namespace flow_hash_detail

// IPv4: addresses are the four bytes as they stand in the packet, loaded natively.
inline uint64_t flow_hash_v4(HashKey key, uint32_t source_be, uint32_t destination_be, uint16_t source_port_be,
                             uint16_t destination_port_be, Protocol protocol) {
  flow_hash_detail::Sip sip(key);
  sip.add(uint64_t{source_be} | uint64_t{destination_be} << 32);
  sip.add(flow_hash_detail::ports_word(source_port_be, destination_port_be, protocol, 4));
  return sip.finish();
}

// IPv6: addresses point at sixteen bytes each, in network order.
inline uint64_t flow_hash_v6(HashKey key, const void* source, const void* destination, uint16_t source_port_be,
                             uint16_t destination_port_be, Protocol protocol) {
  const auto* s = static_cast<const std::byte*>(source);
  const auto* d = static_cast<const std::byte*>(destination);
  flow_hash_detail::Sip sip(key);
  sip.add(load_native<uint64_t>(s));
  sip.add(load_native<uint64_t>(s + 8));
  sip.add(load_native<uint64_t>(d));
  sip.add(load_native<uint64_t>(d + 8));
  sip.add(flow_hash_detail::ports_word(source_port_be, destination_port_be, protocol, 6));
  return sip.finish();
}

uint64_t flow_hash(HashKey key, const FlowTuple& tuple);
// Of texts that belong together, as one text.
uint64_t text_hash(HashKey key, std::string_view text, std::string_view rest = {});

// Which of `count` equal shares a hash falls into, by its high half (Lemire 2016): the low half stays for buckets.
inline uint32_t share_of(uint64_t hash, uint32_t count) { return uint32_t((hash >> 32) * count >> 32); }

// Which of `count` workers or shards owns a flow: mixed once more, so that no worker sees only a part of a ring.
inline uint32_t owner_of(uint64_t hash, uint32_t count) { return share_of(hash * 0x9e3779b97f4a7c15ull, count); }

}  // namespace cardea
