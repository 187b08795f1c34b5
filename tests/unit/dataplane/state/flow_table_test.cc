// The flow table against what a map would say: every flow that was put in is found by its own tuple and no other, until
// it is removed, has expired or made room; and the memory it was given is all it ever uses.
#include "dataplane/state/flow_table.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <random>
#include <unordered_map>

namespace cardea::dataplane {
namespace {

constexpr HashKey kKey{1, 2};
constexpr FlowTimeouts kTimeouts{{0, 100, 1000, 50, 200, 70, 40}};

class Memory {
 public:
  explicit Memory(size_t size)
      : size_(size),
        at_(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  Memory(const Memory&) = delete;
  ~Memory() { munmap(at_, size_); }
  MutableBytes bytes() const { return {static_cast<std::byte*>(at_), size_}; }

 private:
  size_t size_;
  void* at_;
};

struct Table {
  explicit Table(uint32_t flows_max, uint32_t entry_bytes = FlowTable::kGroupBytes)
      : memory(FlowTable::bytes_needed(flows_max, entry_bytes)), flows(flows_max, memory.bytes()) {}
  Memory memory;
  FlowTable flows;

  FlowRef put(uint64_t hash, const FlowTuple& t, uint32_t now = 0, FlowState state = FlowState::kEstablished,
              SlotId slot = 3) {
    return flows.insert(hash, t, {now, slot, 1, state, t.protocol, t.source_port_be, t.destination_port_be});
  }
  FlowRef put(const FlowTuple& t, uint32_t now = 0, FlowState state = FlowState::kEstablished) {
    return put(flow_hash(kKey, t), t, now, state);
  }
  FlowRef find(const FlowTuple& t) const { return flows.find(flow_hash(kKey, t), t); }
};

FlowTuple v4(uint32_t client, uint16_t port = 1000, Protocol protocol = Protocol::kTcp) {
  return {IpAddress::v4(0x14000000 + client), IpAddress::v4(0xcb007101), port, 80, protocol};
}
FlowTuple v6(uint32_t client) {
  FlowTuple t{IpAddress::parse("2001:db8::1").value(), IpAddress::parse("2001:db8::2").value(), 1000, 80,
              Protocol::kTcp};
  __builtin_memcpy(t.source.bytes.data() + 8, &client, 4);
  return t;
}

FlowNat nat_flow(const FlowTuple& t, uint16_t nat_port) {
  FlowNat nat{};
  nat.head = {0, 3, 1, FlowState::kEstablished, t.protocol, t.source_port_be, t.destination_port_be};
  nat.client = t.source.bytes, nat.service_address = t.destination.bytes;
  nat.backend = IpAddress::v4(0x0a00000b).bytes, nat.nat_address = IpAddress::v4(0x0a000001).bytes;
  nat.backend_port_be = 8080, nat.nat_port_be = nat_port;
  return nat;
}
FlowTuple reply_of(const FlowNat& nat) {
  return {{nat.backend}, {nat.nat_address}, nat.backend_port_be, nat.nat_port_be, nat.head.protocol};
}
FlowRef put_nat(Table& table, const FlowTuple& t, uint16_t nat_port) {
  const FlowNat nat = nat_flow(t, nat_port);
  return table.flows.insert_nat(flow_hash(kKey, t), flow_hash(kKey, reply_of(nat)), nat);
}

TEST(FlowTable, FindsWhatWasPutInAndNothingElse) {
  Table table(64);
  const FlowRef first = table.put(v4(1)), second = table.put(v6(1));
  EXPECT_EQ(table.find(v4(1)), first);
  EXPECT_EQ(table.find(v6(1)), second);
  EXPECT_EQ(table.find(v4(2)), kNoFlow);
  EXPECT_EQ(table.find(v4(1, 1001)), kNoFlow);
  EXPECT_EQ(table.find(v4(1, 1000, Protocol::kUdp)), kNoFlow);
  EXPECT_EQ(table.flows.tuple(first), v4(1));
  EXPECT_EQ(table.flows.tuple(second), v6(1));
  EXPECT_EQ(table.flows.head(first).slot, 3u);
  EXPECT_EQ(FlowTable::kind(first), FlowKind::kV4);
  EXPECT_EQ(FlowTable::kind(second), FlowKind::kV6);
}

TEST(FlowTable, TellsTuplesOfOneHashApart) {
  Table table(64);
  constexpr uint64_t kHash = 0x123456789abcdef;
  std::vector<FlowRef> refs;
  for (uint32_t i = 0; i < 20; ++i) {  // fills both buckets of ten
    refs.push_back(table.put(kHash, v4(i)));
    ASSERT_NE(refs.back(), kNoFlow) << i;
  }
  EXPECT_EQ(table.put(kHash, v4(20)), kNoFlow) << "both buckets are full";
  EXPECT_EQ(table.flows.size(), 20u);
  for (uint32_t i = 0; i < 20; ++i) EXPECT_EQ(table.flows.find(kHash, v4(i)), refs[i]) << i;
  EXPECT_EQ(table.flows.find(kHash, v4(20)), kNoFlow);
  EXPECT_EQ(table.flows.find(kHash, v6(0)), kNoFlow);
  for (uint32_t i = 0; i < 20; i += 2) table.flows.remove(refs[i]);
  for (uint32_t i = 0; i < 20; ++i) EXPECT_EQ(table.flows.find(kHash, v4(i)), i % 2 ? refs[i] : kNoFlow) << i;
  EXPECT_NE(table.put(kHash, v4(20)), kNoFlow);
}

TEST(FlowTable, ACandidateThatEndedNoLongerMatches) {
  Table table(64);
  const uint64_t hash = flow_hash(kKey, v4(1));
  const FlowRef ref = table.put(v4(1));
  const FlowRef candidate = table.flows.candidate(hash);
  table.flows.remove(ref);
  EXPECT_EQ(table.flows.match(candidate, hash, v4(1)), kNoFlow);
}

TEST(FlowTable, StopsAtItsLimit) {
  Table table(16);
  for (uint32_t i = 0; i < 16; ++i) EXPECT_NE(put_nat(table, v4(i), uint16_t(2000 + i)), kNoFlow);
  EXPECT_EQ(table.put(v4(16)), kNoFlow);
  EXPECT_EQ(put_nat(table, v4(16), 3000), kNoFlow);
  table.flows.remove(table.find(v4(3)));
  EXPECT_NE(table.put(v4(16)), kNoFlow);
  EXPECT_EQ(table.flows.size(), table.flows.flows_max());
}

TEST(FlowTable, TunnelsLeaveAnEighthToNatFlows) {
  Table table(16);
  for (uint32_t i = 0; i < 14; ++i) EXPECT_NE(table.put(i % 2 ? v4(i) : v6(i)), kNoFlow) << i;
  EXPECT_EQ(table.put(v4(14)), kNoFlow);
  EXPECT_NE(put_nat(table, v4(15), 2000), kNoFlow);
  EXPECT_NE(put_nat(table, v4(16), 2001), kNoFlow);
  EXPECT_EQ(put_nat(table, v4(17), 2002), kNoFlow);
  table.flows.end(table.find(v4(1)));
  EXPECT_NE(table.put(v4(14)), kNoFlow) << "one of theirs ended";
  table.flows.free_ended();
  table.flows.remove(table.find(v4(15)));
  EXPECT_EQ(table.put(v4(18)), kNoFlow) << "one of the others ended";
}

TEST(FlowTable, AFlowThatEndedIsNotFoundAndKeepsItsMemoryUntilItIsFreed) {
  Table table(64);
  const FlowRef ref = put_nat(table, v4(1), 2000);
  const FlowTuple reply = table.flows.reply_tuple(ref);
  table.flows.end(table.find(reply));
  EXPECT_EQ(table.find(v4(1)), kNoFlow);
  EXPECT_EQ(table.find(reply), kNoFlow);
  EXPECT_EQ(table.flows.size(), 0u);
  const FlowRef next = put_nat(table, v4(2), 2000);
  EXPECT_NE(next, ref) << "its entry is no other flow's yet";
  EXPECT_EQ(table.flows.nat(ref).client, v4(1).source.bytes);
  table.flows.free_ended();
  EXPECT_EQ(put_nat(table, v4(3), 2001), ref);
  table.flows.free_ended();
  EXPECT_EQ(table.find(v4(3)), ref) << "it is freed once";
}

TEST(FlowTable, AFullTableReplacesAsManyFlowsAsMayEndInABurst) {
  Table table(FlowTable::kEndedMax);
  for (uint32_t i = 0; i < FlowTable::kEndedMax; ++i) ASSERT_NE(put_nat(table, v4(i), uint16_t(i)), kNoFlow);
  for (uint32_t i = 0; i < FlowTable::kEndedMax; ++i) {
    table.flows.end(table.find(v4(i)));
    ASSERT_NE(put_nat(table, v4(1000 + i), uint16_t(1000 + i)), kNoFlow) << i;
  }
  table.flows.free_ended();
  EXPECT_EQ(table.flows.size(), FlowTable::kEndedMax);
}

TEST(FlowTable, NatFlowsAreFoundFromBothSides) {
  Table table(64);
  const FlowTuple t = v4(1), reply = reply_of(nat_flow(t, 2000));
  const FlowRef ref = put_nat(table, t, 2000);
  ASSERT_NE(ref, kNoFlow);
  EXPECT_EQ(table.find(t), ref);
  const FlowRef back = table.find(reply);
  EXPECT_TRUE(FlowTable::is_reply(back));
  EXPECT_FALSE(FlowTable::is_reply(ref));
  EXPECT_EQ(&table.flows.nat(back), &table.flows.nat(ref));
  EXPECT_EQ(table.flows.reply_tuple(ref), reply);
  EXPECT_EQ(table.flows.tuple(back), t);
  table.flows.remove(back);  // from either side it is one flow
  EXPECT_EQ(table.find(t), kNoFlow);
  EXPECT_EQ(table.find(reply), kNoFlow);
  EXPECT_EQ(table.flows.size(), 0u);
}

TEST(FlowTable, ANatFlowWithoutRoomForItsReplyLeavesNothingBehind) {
  Table table(64);
  constexpr uint64_t kCrowded = 42;
  for (uint32_t i = 0; i < 20; ++i) ASSERT_NE(table.put(kCrowded, v4(i)), kNoFlow);
  const FlowTuple t = v4(100);
  EXPECT_EQ(table.flows.insert_nat(flow_hash(kKey, t), kCrowded, nat_flow(t, 2000)), kNoFlow);
  EXPECT_EQ(table.find(t), kNoFlow);
  EXPECT_EQ(table.flows.size(), 20u);
  for (int i = 0; i < 40; ++i)
    ASSERT_EQ(table.flows.insert_nat(flow_hash(kKey, t), kCrowded, nat_flow(t, 2000)), kNoFlow);
  EXPECT_NE(table.put(t), kNoFlow) << "its places are free, however often it was tried";
}

// Six buckets, of which each flow may lie in two, for nearly as many flows as fit: places are made by moving others.
TEST(FlowTable, AgreesWithAMapWhereBucketsAreCrowded) {
  Table table(64);
  std::unordered_map<uint32_t, FlowRef> truth;
  std::mt19937 random(11);
  const auto hash = [](uint32_t client) {
    std::mt19937 of_client(client);
    const uint64_t signature = (of_client() % 1024) << 5 | (of_client() % 2 == 0 ? 1 : 9);  // names the second bucket
    return uint64_t{of_client() % 2} | signature << 16 | uint64_t{client} << 40;
  };
  for (int step = 0; step < 100'000; ++step) {
    const uint32_t client = random() % 200;
    const auto known = truth.find(client);
    const FlowTuple t = v4(client);
    ASSERT_EQ(table.flows.find(hash(client), t), known == truth.end() ? kNoFlow : known->second) << step;
    if (known != truth.end()) {
      table.flows.remove(known->second);
      truth.erase(known);
    } else if (const FlowRef ref = table.put(hash(client), t); ref != kNoFlow) {
      truth.emplace(client, ref);
    }
  }
  EXPECT_GT(truth.size(), 20u);
}

// How many of a bucket's flows lie elsewhere is a number of 16 bits.
TEST(FlowTable, AFlowInItsSecondBucketIsFoundHoweverManyCameAndWentThere) {
  Table table(64);
  constexpr uint64_t kHash = 0x20005;
  std::vector<FlowRef> first;
  for (uint32_t i = 0; i < 10; ++i) first.push_back(table.put(kHash, v4(i)));
  const FlowRef stays = table.put(kHash, v4(100));
  for (uint32_t i = 0; i < 0xffff; ++i) {
    const FlowRef passes = table.put(kHash, v4(200));
    ASSERT_NE(passes, kNoFlow);
    table.flows.remove(passes);
  }
  EXPECT_EQ(table.flows.find(kHash, v4(100)), stays);
}

uint32_t expire_all(FlowTable& flows, uint32_t now) {
  uint32_t ended = 0;
  flows.expire(now, kTimeouts, flows.groups(), [&](FlowRef) { ++ended; });
  return ended;
}

TEST(FlowTable, EachStateHasItsTimeout) {
  Table table(64);
  const std::pair<FlowState, uint32_t> rows[] = {{FlowState::kSyn, 100},    {FlowState::kEstablished, 1000},
                                                 {FlowState::kClosing, 50}, {FlowState::kUdp, 200},
                                                 {FlowState::kUdpOnce, 70}, {FlowState::kReset, 40}};
  for (const auto& [state, timeout] : rows) {
    table.put(v4(1), 5000, state);
    EXPECT_EQ(expire_all(table.flows, 5000 + timeout), 0u) << int(state);
    EXPECT_EQ(expire_all(table.flows, 5001 + timeout), 1u) << int(state);
    EXPECT_EQ(table.flows.size(), 0u);
  }
}

TEST(FlowTable, TimeMayWrap) {
  Table table(64);
  table.put(v4(1), 0xfffffff0, FlowState::kSyn);
  EXPECT_EQ(expire_all(table.flows, 0x20), 0u);
  EXPECT_EQ(expire_all(table.flows, 0x80), 1u);
}

TEST(FlowTable, TheHandComesRoundInSmallSteps) {
  Table table(1200);
  for (uint32_t i = 0; i < 1000; ++i) table.put(v4(i));
  uint32_t ended = 0, calls = 0;
  for (; ended < 1000 && calls < 1000; ++calls) table.flows.expire(5000, kTimeouts, 10, [&](FlowRef) { ++ended; });
  EXPECT_EQ(ended, 1000u);
  EXPECT_LE(calls, 27u) << "1000 flows are 250 groups, ten a call";
}

TEST(FlowTable, OnlyUnprovenFlowsOfEarlierMakeRoom) {
  for (const FlowState state : {FlowState::kSyn, FlowState::kUdpOnce}) {
    Table table(64);
    for (const FlowState other : {FlowState::kEstablished, FlowState::kClosing, FlowState::kUdp, FlowState::kReset})
      table.put(v4(10 + uint32_t(other)), 10, other);
    EXPECT_EQ(table.flows.find_unproven(20, 100, false), kNoFlow);
    const FlowRef flow = table.put(v4(2), 20, state);
    EXPECT_EQ(table.flows.find_unproven(20, 100, false), kNoFlow) << "it is as new as whoever asks";
    EXPECT_EQ(table.flows.find_unproven(21, 100, false), flow);
    EXPECT_EQ(table.flows.find_unproven(21, 100, true), flow);
    table.flows.end(flow);
    EXPECT_EQ(table.flows.find_unproven(22, 100, false), kNoFlow) << "it ended already";
  }
}

TEST(FlowTable, TheStalestOfAGroupMakesRoom) {
  Table table(64);
  for (const uint32_t seen : {13u, 11u, 12u}) table.put(v4(seen), seen, FlowState::kSyn);
  EXPECT_EQ(table.flows.find_unproven(20, 100, false), table.find(v4(11)));
}

TEST(FlowTable, ForATunnelNoNatFlowMakesRoom) {
  Table table(64);
  const FlowRef nat = put_nat(table, v4(1), 2000);
  table.flows.head(nat).state = FlowState::kSyn;
  EXPECT_EQ(table.flows.find_unproven(20, 100, true), kNoFlow);
  EXPECT_EQ(table.flows.find_unproven(20, 100, false), nat);
}

TEST(FlowTable, TheSearchForRoomIsBounded) {
  Table table(1000);
  for (uint32_t i = 0; i < 400; ++i) table.put(v4(i), 1, i == 0 ? FlowState::kSyn : FlowState::kEstablished);
  uint32_t calls = 1;
  while (table.flows.find_unproven(20, 10, false) == kNoFlow && calls < 100) ++calls;
  EXPECT_EQ(calls, 10u) << "400 flows are 100 groups, and the hand starts behind the first";
}

TEST(FlowTable, GroupsChangeTheirKindOnceEmpty) {
  constexpr uint32_t kFlows = 2000;  // memory for so many IPv4 flows, so for a quarter as many NAT flows
  Table table(kFlows, 32);
  std::vector<FlowRef> refs;
  for (uint32_t i = 0; i < table.flows.tunnels_max(); ++i) refs.push_back(table.put(v4(i)));
  for (const FlowRef ref : refs) table.flows.remove(ref);
  uint32_t nat = 0;
  while (nat < kFlows && put_nat(table, v4(100 + nat), uint16_t(2000 + nat)) != kNoFlow) ++nat;
  EXPECT_GE(nat, kFlows / 4);
  EXPECT_LT(nat, kFlows) << "limited by memory, not by the count";
  const uint32_t groups = table.flows.groups();
  table.flows.remove(table.find(v4(100)));
  EXPECT_NE(table.put(v6(1)), kNoFlow);
  EXPECT_EQ(table.flows.groups(), groups) << "freed memory is used again before new memory is";
}

TEST(FlowTable, AgreesWithAMapOverManyChanges) {
  Table table(2500);
  std::unordered_map<uint32_t, FlowRef> truth;
  std::mt19937 random(7);
  for (int step = 0; step < 200'000; ++step) {
    const uint32_t client = random() % 3000;
    const auto tuple = client % 3 == 0 ? v6(client) : v4(client);
    const auto known = truth.find(client);
    ASSERT_EQ(table.find(tuple), known == truth.end() ? kNoFlow : known->second);
    if (known != truth.end()) {
      table.flows.remove(known->second);
      truth.erase(known);
    } else if (truth.size() < 2000) {
      const FlowRef ref = client % 3 == 1 ? put_nat(table, tuple, uint16_t(client)) : table.put(tuple);
      ASSERT_NE(ref, kNoFlow);
      truth.emplace(client, ref);
    }
    ASSERT_EQ(table.flows.size(), truth.size());
  }
}

TEST(FlowTable, HoldsAMillionFlowsOfEachKind) {
  constexpr uint32_t kMillion = 1'000'000;
  for (const FlowKind kind : {FlowKind::kV4, FlowKind::kV6, FlowKind::kNat}) {
    Table table(kMillion / 7 * 8 + 8);
    for (uint32_t i = 0; i < kMillion; ++i) {
      const FlowTuple t = kind == FlowKind::kV6 ? v6(i) : v4(i, uint16_t(i >> 8));
      ASSERT_NE(kind == FlowKind::kNat ? put_nat(table, t, uint16_t(i)) : table.put(t), kNoFlow) << i;
      if (kind == FlowKind::kNat && i >= 50'000) break;  // nat ports repeat from 65,536 on
    }
    for (uint32_t i = 0; i < 50'000; ++i)
      ASSERT_NE(table.find(kind == FlowKind::kV6 ? v6(i) : v4(i, uint16_t(i >> 8))), kNoFlow) << i;
  }
}

TEST(FlowTable, HoldsAMillionNatFlows) {
  constexpr uint32_t kMillion = 1'000'000;
  Table table(kMillion);
  for (uint32_t i = 0; i < kMillion; ++i) {
    const FlowTuple t = v4(i);
    FlowNat nat = nat_flow(t, uint16_t(i));
    nat.backend = IpAddress::v4(0x0a000000 + (i >> 16)).bytes;
    ASSERT_NE(table.flows.insert_nat(flow_hash(kKey, t), flow_hash(kKey, reply_of(nat)), nat), kNoFlow) << i;
  }
  EXPECT_EQ(put_nat(table, v4(kMillion), 1), kNoFlow);
}

}  // namespace
}  // namespace cardea::dataplane
