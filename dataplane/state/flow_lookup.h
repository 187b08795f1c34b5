// The part of the flow table that runs for every packet, without a call: the bucket's signatures compared in two steps,
// the entry compared with the packet's tuple. Included by flow_table.h.
#pragma once

#include <emmintrin.h>

#include <bit>

#include "dataplane/state/flow_table.h"
#include "dataplane/wire/mapped_address.h"

namespace cardea::dataplane {

// Bit i: way i carries this signature.
inline uint32_t FlowTable::ways_with(const Bucket& bucket, uint16_t signature) {
  const auto* lines = reinterpret_cast<const __m128i*>(&bucket);
  const __m128i wanted = _mm_set1_epi16(int16_t(signature));
  const __m128i low = _mm_cmpeq_epi16(_mm_load_si128(lines), wanted);
  const __m128i high = _mm_cmpeq_epi16(_mm_load_si128(lines + 1), wanted);
  return uint32_t(_mm_movemask_epi8(_mm_packs_epi16(low, high))) & ((1u << kWays) - 1);
}

inline FlowRef FlowTable::prefetched(FlowRef ref) const {
  const std::byte* entry = at(ref);
  __builtin_prefetch(entry, 1);
  if (kind(ref) == FlowKind::kNat) __builtin_prefetch(entry + 64, 1);
  return ref;
}

inline FlowRef FlowTable::candidate(uint64_t hash) const {
  const uint64_t first = bucket_of(hash);
  const Bucket& bucket = buckets_[first];
  const uint32_t ways = ways_with(bucket, signature_of(hash));
  if (ways != 0) [[likely]]
    return prefetched(bucket.ref[std::countr_zero(ways)]);
  if (bucket.overflowed == 0) return kNoFlow;
  __builtin_prefetch(&buckets_[second_of(first, signature_of(hash))]);
  return kLookFurther;
}

inline FlowRef FlowTable::second_candidate(uint64_t hash) const {
  const Bucket& bucket = buckets_[second_of(bucket_of(hash), signature_of(hash))];
  const uint32_t ways = ways_with(bucket, signature_of(hash));
  return ways == 0 ? kNoFlow : prefetched(bucket.ref[std::countr_zero(ways)]);
}

inline FlowRef FlowTable::match(FlowRef found, uint64_t hash, const FlowTuple& tuple) const {
  if (found == kNoFlow || matches(found, hash, tuple)) [[likely]]
    return found;
  return search(hash, tuple);
}

inline FlowRef FlowTable::find(uint64_t hash, const FlowTuple& tuple) const {
  FlowRef found = candidate(hash);
  if (found == kLookFurther) found = second_candidate(hash);
  return match(found, hash, tuple);
}

namespace flow_table_detail {
inline bool same16(const void* a, const void* b) {
  const __m128i equal =
      _mm_cmpeq_epi8(_mm_loadu_si128(static_cast<const __m128i*>(a)), _mm_loadu_si128(static_cast<const __m128i*>(b)));
  return _mm_movemask_epi8(equal) == 0xffff;
}
}  // namespace flow_table_detail

inline bool FlowTable::matches(FlowRef ref, uint64_t hash, const FlowTuple& tuple) const {
  using flow_table_detail::same16;
  const FlowHead& entry = head(ref);
  if (entry.protocol != tuple.protocol) return false;
  const uint8_t* source = tuple.source.bytes.data();
  const uint8_t* destination = tuple.destination.bytes.data();
  switch (kind(ref)) {
    case FlowKind::kV4: {
      const auto& flow = reinterpret_cast<const FlowV4&>(entry);
      return flow.hash == hash && flow.source_be == load_native<uint32_t>(source + 12) &&
             flow.destination_be == load_native<uint32_t>(destination + 12) &&
             entry.source_port_be == tuple.source_port_be && entry.destination_port_be == tuple.destination_port_be &&
             wire::is_mapped(tuple.source);
    }
    case FlowKind::kV6: {
      const auto& flow = reinterpret_cast<const FlowV6&>(entry);
      return flow.hash == hash && same16(flow.source.data(), source) && same16(flow.destination.data(), destination) &&
             entry.source_port_be == tuple.source_port_be && entry.destination_port_be == tuple.destination_port_be;
    }
    case FlowKind::kNat:
      break;
  }
  const auto& flow = reinterpret_cast<const FlowNat&>(entry);
  if (is_reply(ref))
    return flow.reply_hash == hash && same16(flow.backend.data(), source) &&
           same16(flow.nat_address.data(), destination) && flow.backend_port_be == tuple.source_port_be &&
           flow.nat_port_be == tuple.destination_port_be;
  return flow.hash == hash && same16(flow.client.data(), source) && same16(flow.service_address.data(), destination) &&
         entry.source_port_be == tuple.source_port_be && entry.destination_port_be == tuple.destination_port_be;
}

}  // namespace cardea::dataplane
