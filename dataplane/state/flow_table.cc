// The flow table's index and pool. Lookups touch one bucket and one entry; everything else is the price of new flows.
#include "dataplane/state/flow_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "dataplane/wire/mapped_address.h"

namespace cardea::dataplane {
namespace {

constexpr uint32_t kUnits[3] = {1, 2, 4};  // of 32 bytes, by FlowKind
constexpr uint8_t kAllUsed[3] = {0xf, 0x3, 0x1};

size_t buckets_for(uint32_t flows_max) {
  return std::bit_ceil(size_t{flows_max} * 2 / 8 + 2);
}
size_t groups_for(uint32_t flows_max, uint32_t entry_bytes) {
  return size_t{flows_max} * entry_bytes / FlowTable::kGroupBytes + 4 + FlowTable::kEndedMax;
}

}  // namespace

size_t FlowTable::bytes_needed(uint32_t flows_max, uint32_t entry_bytes) {
  return buckets_for(flows_max) * sizeof(Bucket) +
         groups_for(flows_max, entry_bytes) * (sizeof(Group) + sizeof(GroupNote)) + 64;
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

FlowRef FlowTable::search_bucket(const Bucket& bucket, uint64_t hash, const FlowTuple& tuple) const {
  for (uint32_t ways = ways_with(bucket, signature_of(hash)); ways != 0; ways &= ways - 1) {
    const FlowRef ref = bucket.ref[std::countr_zero(ways)];
    if (matches(ref, hash, tuple)) return ref;
  }
  return kNoFlow;
}

FlowRef FlowTable::search(uint64_t hash, const FlowTuple& tuple) const {
  const uint64_t first = bucket_of(hash);
  if (const FlowRef ref = search_bucket(buckets_[first], hash, tuple); ref != kNoFlow) return ref;
  if (buckets_[first].overflowed == 0) return kNoFlow;
  return search_bucket(buckets_[second_of(first, signature_of(hash))], hash, tuple);
}

uint64_t FlowTable::hash_of(FlowRef ref) const {
  switch (kind(ref)) {
    case FlowKind::kV4:
      return reinterpret_cast<FlowV4*>(at(ref))->hash;
    case FlowKind::kV6:
      return reinterpret_cast<FlowV6*>(at(ref))->hash;
    case FlowKind::kNat:
      break;
  }
  return is_reply(ref) ? nat(ref).reply_hash : nat(ref).hash;
}

bool FlowTable::index_add(uint64_t hash, FlowRef ref) {
  const uint64_t first = bucket_of(hash), second = second_of(first, signature_of(hash));
  const bool crowded = !has_room(first) && !has_room(second) && !make_room(first) && !make_room(second);
  if (crowded) return false;
  const uint64_t chosen = has_room(first) ? first : second;
  place(chosen, signature_of(hash), ref);
  if (chosen != first) ++buckets_[first].overflowed;
  return true;
}

void FlowTable::place(uint64_t index, uint16_t signature, FlowRef ref) {
  Bucket& bucket = buckets_[index];
  const int way = std::countr_zero(ways_with(bucket, 0));
  bucket.signature[way] = signature;
  bucket.ref[way] = ref;
}

bool FlowTable::make_room(uint64_t index) {
  Bucket& bucket = buckets_[index];
  for (uint32_t way = 0; way < kWays; ++way) {
    const uint16_t signature = bucket.signature[way];
    const uint64_t first = bucket_of(hash_of(bucket.ref[way]));
    const uint64_t other = index == first ? second_of(first, signature) : first;
    if (!has_room(other)) continue;
    place(other, signature, bucket.ref[way]);
    bucket.signature[way] = 0;
    if (other == first)
      --buckets_[first].overflowed;
    else
      ++buckets_[first].overflowed;
    return true;
  }
  return false;
}

void FlowTable::index_remove(uint64_t hash, FlowRef ref) {
  const uint16_t signature = signature_of(hash);
  const uint64_t first = bucket_of(hash);
  for (const uint64_t index : {first, second_of(first, signature)}) {
    Bucket& bucket = buckets_[index];
    for (uint32_t ways = ways_with(bucket, signature); ways != 0; ways &= ways - 1) {
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
  if (note.previous == kNoGroup)
    list = note.next;
  else
    notes_[note.previous].next = note.next;
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
  const int nth = std::countr_one(note.used);
  note.used |= uint8_t(1u << nth);
  if (note.used == kAllUsed[size_t(kind)]) unlink(with_room, group);
  return group * 4 + uint32_t(nth) * kUnits[size_t(kind)];
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

// Entries are written before they are indexed: making room in a bucket reads the hashes of what is in it.
FlowRef FlowTable::insert(uint64_t hash, const FlowTuple& tuple, const FlowHead& entry) {
  if (size_ >= flows_max_ || tunnels_ >= tunnels_max()) return kNoFlow;
  const FlowKind flow_kind = wire::is_mapped(tuple.source) ? FlowKind::kV4 : FlowKind::kV6;
  const uint32_t unit = take_entry(flow_kind);
  if (unit == 0) return kNoFlow;
  const FlowRef ref = reference(unit, flow_kind, false);
  if (flow_kind == FlowKind::kV4) {
    auto& flow = *reinterpret_cast<FlowV4*>(at(ref));
    flow = {entry, load_native<uint32_t>(tuple.source.v4_data()), load_native<uint32_t>(tuple.destination.v4_data()),
            hash};
  } else {
    auto& flow = *reinterpret_cast<FlowV6*>(at(ref));
    flow = {entry, tuple.source.bytes, tuple.destination.bytes, hash, 0};
  }
  if (!index_add(hash, ref)) {
    free_entry(ref);
    return kNoFlow;
  }
  ++size_;
  ++tunnels_;
  return ref;
}

FlowRef FlowTable::insert_nat(uint64_t hash, uint64_t reply_hash, const FlowNat& entry) {
  if (size_ >= flows_max_) return kNoFlow;
  const uint32_t unit = take_entry(FlowKind::kNat);
  if (unit == 0) return kNoFlow;
  const FlowRef ref = reference(unit, FlowKind::kNat, false);
  FlowNat& flow = nat(ref);
  flow = entry;
  flow.hash = hash;
  flow.reply_hash = reply_hash;
  if (!index_add(hash, ref)) {
    free_entry(ref);
    return kNoFlow;
  }
  if (!index_add(reply_hash, reference(unit, FlowKind::kNat, true))) {
    index_remove(hash, ref);
    free_entry(ref);
    return kNoFlow;
  }
  ++size_;
  return ref;
}

void FlowTable::index_remove(FlowRef ref) {
  const FlowRef forward = ref & 0x7fffffff;
  index_remove(hash_of(forward), forward);
  if (kind(ref) == FlowKind::kNat)
    index_remove(nat(ref).reply_hash, forward | 1u << 31);
  else
    --tunnels_;
  --size_;
}

void FlowTable::end(FlowRef ref) {
  CHECK(ended_count_ < kEndedMax, "more flows ended in a burst than it has packets");
  index_remove(ref);
  head(ref).protocol = Protocol(0);  // a candidate found before no longer matches
  ended_[ended_count_++] = ref & 0x7fffffff;
}

void FlowTable::free_ended() {
  for (; ended_count_ > 0; --ended_count_) free_entry(ended_[ended_count_ - 1]);
}

void FlowTable::remove(FlowRef ref) {
  index_remove(ref);
  free_entry(ref & 0x7fffffff);
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

FlowRef FlowTable::find_unproven(uint32_t now_ms, uint32_t groups, bool tunnels_only) {
  FlowRef found = kNoFlow;
  groups = std::min(groups, groups_used_);
  for (uint32_t i = 0; i < groups && found == kNoFlow; ++i) {
    if (++hand_ >= groups_used_) hand_ = 1;
    if (hand_ >= groups_used_) break;
    uint32_t longest = 0;
    visit_group(hand_, [&](FlowRef ref) {
      const FlowHead& flow = head(ref);
      const uint32_t idle = now_ms - flow.last_seen_ms;
      const bool gives_way = unproven(flow.state) && flow.protocol != Protocol(0) && idle > longest;
      if (gives_way && !(tunnels_only && kind(ref) == FlowKind::kNat)) found = ref, longest = idle;
    });
  }
  return found;
}

}  // namespace cardea::dataplane
