// Four packets a step where four in a row are of one family; what is left over goes one by one.
#include "dataplane/path/flow_hashes.h"

#include <immintrin.h>

#include "base/bytes.h"

namespace cardea::dataplane::path {
namespace {

constexpr uint32_t kLanes = 4;

template <int kBits>
__m256i rotl(__m256i v) {
  if constexpr (kBits == 32) return _mm256_shuffle_epi32(v, 0xb1);
  return _mm256_or_si256(_mm256_slli_epi64(v, kBits), _mm256_srli_epi64(v, 64 - kBits));
}

// flow_hash_detail::Sip, four at a time.
struct SipLanes {
  __m256i v0, v1, v2, v3;

  explicit SipLanes(HashKey key) {
    const flow_hash_detail::Sip start(key);
    v0 = _mm256_set1_epi64x(int64_t(start.v0)), v1 = _mm256_set1_epi64x(int64_t(start.v1));
    v2 = _mm256_set1_epi64x(int64_t(start.v2)), v3 = _mm256_set1_epi64x(int64_t(start.v3));
  }
  void round() {
    v0 = _mm256_add_epi64(v0, v1), v1 = _mm256_xor_si256(rotl<13>(v1), v0), v0 = rotl<32>(v0);
    v2 = _mm256_add_epi64(v2, v3), v3 = _mm256_xor_si256(rotl<16>(v3), v2);
    v0 = _mm256_add_epi64(v0, v3), v3 = _mm256_xor_si256(rotl<21>(v3), v0);
    v2 = _mm256_add_epi64(v2, v1), v1 = _mm256_xor_si256(rotl<17>(v1), v2), v2 = rotl<32>(v2);
  }
  void add(__m256i word) { v3 = _mm256_xor_si256(v3, word), round(), v0 = _mm256_xor_si256(v0, word); }
  __m256i finish() {
    v2 = _mm256_xor_si256(v2, _mm256_set1_epi64x(0xff));
    round(), round(), round();
    return _mm256_xor_si256(_mm256_xor_si256(v0, v1), _mm256_xor_si256(v2, v3));
  }
};

// One word of each of four packets.
template <typename WordOf>
__m256i lanes(const FlowTuple* tuple, const uint8_t* rows, WordOf&& word_of) {
  return _mm256_set_epi64x(int64_t(word_of(tuple[rows[3]])), int64_t(word_of(tuple[rows[2]])),
                           int64_t(word_of(tuple[rows[1]])), int64_t(word_of(tuple[rows[0]])));
}

uint64_t ports_of(const FlowTuple& t, unsigned family) {
  return flow_hash_detail::ports_word(t.source_port_be, t.destination_port_be, t.protocol, family);
}

__m256i hash_v4(SipLanes sip, const FlowTuple* tuple, const uint8_t* rows) {
  sip.add(lanes(tuple, rows, [](const FlowTuple& t) {
    return load_native<uint32_t>(t.source.v4_data()) | uint64_t{load_native<uint32_t>(t.destination.v4_data())} << 32;
  }));
  sip.add(lanes(tuple, rows, [](const FlowTuple& t) { return ports_of(t, 4); }));
  return sip.finish();
}

__m256i hash_v6(SipLanes sip, const FlowTuple* tuple, const uint8_t* rows) {
  for (const size_t at : {0, 8})
    sip.add(lanes(tuple, rows, [at](const FlowTuple& t) { return load_native<uint64_t>(t.source.bytes.data() + at); }));
  for (const size_t at : {0, 8})
    sip.add(lanes(tuple, rows,
                  [at](const FlowTuple& t) { return load_native<uint64_t>(t.destination.bytes.data() + at); }));
  sip.add(lanes(tuple, rows, [](const FlowTuple& t) { return ports_of(t, 6); }));
  return sip.finish();
}

uint64_t hash_one(HashKey key, const FlowTuple& t, uint8_t family) {
  const uint8_t *source = t.source.bytes.data(), *destination = t.destination.bytes.data();
  if (family == 6) return flow_hash_v6(key, source, destination, t.source_port_be, t.destination_port_be, t.protocol);
  return flow_hash_v4(key, load_native<uint32_t>(source + 12), load_native<uint32_t>(destination + 12),
                      t.source_port_be, t.destination_port_be, t.protocol);
}

}  // namespace

void hash_flows(HashKey key, const FlowTuple* tuple, const wire::Frame* frame, const uint8_t* rows, uint32_t count,
                uint64_t* hash) {
  const SipLanes start(key);
  for (uint32_t step; count > 0; rows += step, count -= step) {
    const uint8_t family = frame[rows[0]].family;
    const bool four = count >= kLanes && frame[rows[1]].family == family && frame[rows[2]].family == family &&
                      frame[rows[3]].family == family;
    if (!four) {
      hash[rows[0]] = hash_one(key, tuple[rows[0]], family);
      step = 1;
      continue;
    }
    alignas(32) uint64_t lane[kLanes];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lane),
                       family == 4 ? hash_v4(start, tuple, rows) : hash_v6(start, tuple, rows));
    for (uint32_t i = 0; i < kLanes; ++i) hash[rows[i]] = lane[i];
    step = kLanes;
  }
}

}  // namespace cardea::dataplane::path
