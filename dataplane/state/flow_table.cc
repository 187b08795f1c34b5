// The flow table's index and pool. Lookups touch one bucket and one entry; everything else is the price of new flows.
#include "dataplane/state/flow_table.h"

#include <emmintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "dataplane/wire/mapped_address.h"

namespace cardea::dataplane {
namespace {

constexpr uint32_t kUnits[3] = {1, 2, 4};  // of 32 bytes, by FlowKind
constexpr uint8_t kAllUsed[3] = {0xf, 0x3, 0x1};

size_t buckets_for(uint32_t flows_max) { return std::bit_ceil(size_t{flows_max} * 2 / 8 + 2); }
size_t groups_for(uint32_t flows_max, uint32_t entry_bytes) {
  return size_t{flows_max} * entry_bytes / FlowTable::kGroupBytes + 4;
}

bool same16(const void* a, const void* b) {
  const __m128i equal = _mm_cmpeq_epi8(_mm_loadu_si128(static_cast<const __m128i*>(a)),
                                       _mm_loadu_si128(static_cast<const __m128i*>(b)));
  return _mm_movemask_epi8(equal) == 0xffff;
}

// Bit i: way i carries this signature.
uint32_t ways_with(const void* bucket, uint16_t signature) {
  const auto* lines = static_cast<const __m128i*>(bucket);
  const __m128i wanted = _mm_set1_epi16(int16_t(signature));
  const __m128i low = _mm_cmpeq_epi16(_mm_load_si128(lines), wanted);
  const __m128i high = _mm_cmpeq_epi16(_mm_load_si128(lines + 1), wanted);
  return uint32_t(_mm_movemask_epi8(_mm_packs_epi16(low, high))) & 0x3ff;
}

}  // namespace

size_t FlowTable::bytes_needed(uint32_t flows_max, uint32_t entry_bytes) {
  return buckets_for(flows_max) * sizeof(Bucket) + groups_for(flows_max, entry_bytes) * (sizeof(Group) + sizeof(GroupNote)) + 64;
}

FlowTable::FlowTable(uint32_t flows_max, MutableBytes memory) : flows_max_(flows_max) {
  const size_t buckets = buckets_for(flows_max);
  CHECK(memory.size() > buckets * sizeof(Bucket) && reinterpret_cast<uintptr_t>(memory.data()) % 64 == 0);
  const size_t groups = (memory.size() - buckets * sizeof(Bucket)) / (sizeof(Group) + sizeof(GroupNote));
  CHECK(groups >= 2, "the memory of a flow table is smaller than bytes_needed()");
  groups_max_ = uint32_t(std::min<size_t>(groups, (1u << 29) / 4));
  buckets_ = reinterpret_cast<Bucket*>(memory.data());
  pool_ = reinterpret_cast<Group*>(memory.data() + buckets * sizeof(Bucket));
  notes_ = reinterpret_cast<GroupNote*>(pool_ + groups_max_);
  bucket_mask_ = buckets - 1;
  groups_used_ = 1;
}

FlowRef FlowTable::candidate(uint64_t hash) const {
  const uint16_t signature = signature_of(hash);
  const uint64_t first = bucket_of(hash);
  const Bucket* bucket = &buckets_[first];
  uint32_t ways = ways_with(bucket, signature);
  if (ways == 0) {
    if (bucket->overflowed == 0) return kNoFlow;
    bucket = &buckets_[second_of(first, signature)];
    ways = ways_with(bucket, signature);
    if (ways == 0) return kNoFlow;
  }
  const FlowRef ref = bucket->ref[std::countr_zero(ways)];
  const std::byte* entry = at(ref);
  __builtin_prefetch(entry, 1);
  if (kind(ref) == FlowKind::kNat) __builtin_prefetch(entry + 64, 1);
  return ref;
}

bool FlowTable::matches(FlowRef ref, uint64_t hash, const FlowTuple& tuple) const {
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
    case FlowKind::kNat: break;
  }
  const auto& flow = reinterpret_cast<const FlowNat&>(entry);
  if (is_reply(ref))
    return flow.reply_hash == hash && same16(flow.backend.data(), source) && same16(flow.nat_address.data(), destination) &&
           flow.backend_port_be == tuple.source_port_be && flow.nat_port_be == tuple.destination_port_be;
  return flow.hash == hash && same16(flow.client.data(), source) && same16(flow.service_address.data(), destination) &&
         entry.source_port_be == tuple.source_port_be && entry.destination_port_be == tuple.destination_port_be;
}

FlowRef FlowTable::search(const Bucket& bucket, uint64_t hash, const FlowTuple& tuple) const {
  for (uint32_t ways = ways_with(&bucket, signature_of(hash)); ways != 0; ways &= ways - 1) {
    const FlowRef ref = bucket.ref[std::countr_zero(ways)];
    if (matches(ref, hash, tuple)) return ref;
  }
  return kNoFlow;
}

FlowRef FlowTable::match(FlowRef found, uint64_t hash, const FlowTuple& tuple) const {
  if (found == kNoFlow || matches(found, hash, tuple)) [[likely]] return found;
  const uint64_t first = bucket_of(hash);
  if (const FlowRef ref = search(buckets_[first], hash, tuple); ref != kNoFlow) return ref;
  if (buckets_[first].overflowed == 0) return kNoFlow;
  return search(buckets_[second_of(first, signature_of(hash))], hash, tuple);
}

bool FlowTable::index_add(uint64_t hash, FlowRef ref) {
  const uint16_t signature = signature_of(hash);
  const uint64_t first = bucket_of(hash);
  Bucket& here = buckets_[first];
  Bucket* chosen = &here;
  const auto free_here = uint32_t(std::popcount(ways_with(&here, 0)));
  if (free_here <= kWays - kCrowded) {
    Bucket& there = buckets_[second_of(first, signature)];
    if (uint32_t(std::popcount(ways_with(&there, 0))) > free_here) chosen = &there;
  }
  const uint32_t ways = ways_with(chosen, 0);
  if (ways == 0) return false;
  const int way = std::countr_zero(ways);
  chosen->signature[way] = signature;
  chosen->ref[way] = ref;
  if (chosen != &here) ++here.overflowed;
  return true;
}

void FlowTable::index_remove(uint64_t hash, FlowRef ref) {
  const uint16_t signature = signature_of(hash);
  const uint64_t first = bucket_of(hash);
  for (const uint64_t index : {first, second_of(first, signature)}) {
    Bucket& bucket = buckets_[index];
    for (uint32_t ways = ways_with(&bucket, signature); ways != 0; ways &= ways - 1) {
      const int way = std::countr_zero(ways);
      if (bucket.ref[way] != ref) continue;
      bucket.signature[way] = 0;
      if (index != first) --buckets_[first].overflowed;
      return;
    }
  }
  CHECK(false, "a flow is not in its index");
}

void FlowTable::link(uint32_t& list, uint32_t group) {
  notes_[group].previous = kNoGroup;
  notes_[group].next = list;
  if (list != kNoGroup) notes_[list].previous = group;
  list = group;
}

void FlowTable::unlink(uint32_t& list, uint32_t group) {
  const GroupNote& note = notes_[group];
  if (note.previous == kNoGroup) list = note.next;
  else notes_[note.previous].next = note.next;
  if (note.next != kNoGroup) notes_[note.next].previous = note.previous;
}

uint32_t FlowTable::take_entry(FlowKind kind) {
  uint32_t& with_room = with_room_[size_t(kind)];
  uint32_t group = with_room;
  if (group == kNoGroup) {
    if (free_groups_ != kNoGroup) {
      group = free_groups_;
      unlink(free_groups_, group);
    } else if (groups_used_ < groups_max_) {
      group = groups_used_++;
    } else {
      return 0;
    }
    notes_[group].kind = kind;
    notes_[group].used = 0;
    link(with_room, group);
  }
  GroupNote& note = notes_[group];
  const int place = std::countr_one(note.used);
  note.used |= uint8_t(1u << place);
  if (note.used == kAllUsed[size_t(kind)]) unlink(with_room, group);
  return group * 4 + uint32_t(place) * kUnits[size_t(kind)];
}

void FlowTable::free_entry(FlowRef ref) {
  const uint32_t unit = ref & 0x1fffffff, group = unit / 4;
  head(ref).protocol = Protocol(0);  // a reference kept from earlier in the burst no longer matches
  GroupNote& note = notes_[group];
  const size_t kind_index = size_t(note.kind);
  if (note.used == kAllUsed[kind_index]) link(with_room_[kind_index], group);
  note.used &= uint8_t(~(1u << (unit % 4 / kUnits[kind_index])));
  if (note.used != 0) return;
  unlink(with_room_[kind_index], group);
  link(free_groups_, group);
}

FlowRef FlowTable::insert(uint64_t hash, const FlowTuple& tuple, const FlowHead& entry) {
  if (size_ >= flows_max_) return kNoFlow;
  const FlowKind flow_kind = wire::is_mapped(tuple.source) ? FlowKind::kV4 : FlowKind::kV6;
  const uint32_t unit = take_entry(flow_kind);
  if (unit == 0) return kNoFlow;
  const FlowRef ref = reference(unit, flow_kind, false);
  if (!index_add(hash, ref)) {
    free_entry(ref);
    return kNoFlow;
  }
  if (flow_kind == FlowKind::kV4) {
    auto& flow = *reinterpret_cast<FlowV4*>(at(ref));
    flow = {entry, load_native<uint32_t>(tuple.source.v4_data()), load_native<uint32_t>(tuple.destination.v4_data()), hash};
  } else {
    auto& flow = *reinterpret_cast<FlowV6*>(at(ref));
    flow = {entry, tuple.source.bytes, tuple.destination.bytes, hash, 0};
  }
  ++size_;
  return ref;
}

FlowRef FlowTable::insert_nat(uint64_t hash, uint64_t reply_hash, const FlowNat& entry) {
  if (size_ >= flows_max_) return kNoFlow;
  const uint32_t unit = take_entry(FlowKind::kNat);
  if (unit == 0) return kNoFlow;
  const FlowRef ref = reference(unit, FlowKind::kNat, false);
  if (!index_add(hash, ref)) {
    free_entry(ref);
    return kNoFlow;
  }
  if (!index_add(reply_hash, reference(unit, FlowKind::kNat, true))) {
    index_remove(hash, ref);
    free_entry(ref);
    return kNoFlow;
  }
  FlowNat& flow = nat(ref);
  flow = entry;
  flow.hash = hash;
  flow.reply_hash = reply_hash;
  ++size_;
  return ref;
}

void FlowTable::remove(FlowRef ref) {
  const FlowRef forward = ref & 0x7fffffff;
  switch (kind(ref)) {
    case FlowKind::kV4: index_remove(reinterpret_cast<FlowV4*>(at(ref))->hash, forward); break;
    case FlowKind::kV6: index_remove(reinterpret_cast<FlowV6*>(at(ref))->hash, forward); break;
    case FlowKind::kNat:
      index_remove(nat(ref).hash, forward);
      index_remove(nat(ref).reply_hash, forward | 1u << 31);
      break;
  }
  free_entry(forward);
  --size_;
}

FlowTuple FlowTable::tuple(FlowRef ref) const {
  const FlowHead& entry = head(ref);
  FlowTuple tuple{{}, {}, entry.source_port_be, entry.destination_port_be, entry.protocol};
  switch (kind(ref)) {
    case FlowKind::kV4:
      tuple.source = IpAddress::v4_bytes(&reinterpret_cast<const FlowV4&>(entry).source_be);
      tuple.destination = IpAddress::v4_bytes(&reinterpret_cast<const FlowV4&>(entry).destination_be);
      break;
    case FlowKind::kV6:
      tuple.source.bytes = reinterpret_cast<const FlowV6&>(entry).source;
      tuple.destination.bytes = reinterpret_cast<const FlowV6&>(entry).destination;
      break;
    case FlowKind::kNat:
      tuple.source.bytes = nat(ref).client;
      tuple.destination.bytes = nat(ref).service_address;
      break;
  }
  return tuple;
}

FlowTuple FlowTable::reply_tuple(FlowRef ref) const {
  const FlowNat& flow = nat(ref);
  return {{flow.backend}, {flow.nat_address}, flow.backend_port_be, flow.nat_port_be, flow.head.protocol};
}

FlowRef FlowTable::find_half_open(uint32_t now_ms, uint32_t groups) {
  FlowRef found = kNoFlow;
  groups = std::min(groups, groups_used_);
  for (uint32_t i = 0; i < groups && found == kNoFlow; ++i) {
    if (++hand_ >= groups_used_) hand_ = 1;
    if (hand_ >= groups_used_) break;
    visit_group(hand_, [&](FlowRef ref) {
      if (head(ref).state == FlowState::kSyn && head(ref).last_seen_ms != now_ms) found = ref;
    });
  }
  return found;
}

}  // namespace cardea::dataplane
