// Packets to cardea-l7's own TCP: which shard gets which, what it gets, and what becomes of those that none takes.
#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include "dataplane/path/explain.h"
#include "tests/packets/ends.h"
#include "tests/packets/errors.h"
#include "tests/packets/reference_sum.h"
#include "tests/packets/shard_peer.h"

namespace cardea::dataplane::test {
namespace {

using wire::kTcpAck, wire::kTcpSyn;

constexpr uint32_t kShards = 4;
const SiteOptions kOwn{.shards = kShards};
const FlowTuple kClient = tuple("198.51.100.7:5555", "203.0.113.4:80");
const FlowTuple kClient6 = tuple("[2001:db8:9::7]:5555", "[2001:db8::4]:80");

uint64_t moved(const Site& site, uint32_t TrafficCells::*cell) {
  return site.worker.cells[site.path_cells.shards.*cell];
}

// The shard of this instance that has something, and what; nothing in all others.
std::optional<std::pair<uint32_t, ShardPeer::Packet>> only_one(const L7Instance& instance) {
  std::optional<std::pair<uint32_t, ShardPeer::Packet>> found;
  for (uint32_t shard = 0; shard < instance.shards(); ++shard) {
    ShardPeer peer(instance, shard);
    while (auto packet = peer.take()) {
      EXPECT_FALSE(found.has_value()) << "more than one packet";
      found.emplace(shard, std::move(*packet));
    }
  }
  return found;
}

FlowTuple reply_to(const std::string& address, uint16_t port) {
  const bool v6 = address.find(':') != std::string::npos;
  FlowTuple t = tuple(v6 ? "[fd00::11]:8080" : "10.0.0.11:8080", v6 ? "[" + address + "]:1" : address + ":1");
  t.destination_port_be = __builtin_bswap16(port);
  return t;
}

TEST(ToShards, AClientsPacketComesWholeToTheShardOfItsFlow) {
  for (const FlowTuple& t : {kClient, kClient6}) {
    Site site(kOwn);
    for (const uint8_t flags : {kTcpSyn, kTcpAck}) {
      const auto bytes = frame({t, flags, 200});
      EXPECT_EQ(run(site, bytes).verdict, Verdict::kShard);
      const auto got = only_one(*site.l7.newest);
      ASSERT_TRUE(got.has_value());
      EXPECT_EQ(got->first, owner_of(flow_hash(site.plan->hash_key, t), kShards));
      EXPECT_EQ(got->second.ip, ip_of(bytes));
    }
    EXPECT_EQ(moved(site, &TrafficCells::packets_in), 2u);
    EXPECT_EQ(moved(site, &TrafficCells::bytes_in), 2 * (frame({t, kTcpAck, 200}).size() - 14));
    const ServiceId service = site.plan->listen_table->find(t.destination, t.destination_port_be, t.protocol);
    EXPECT_EQ(site.worker.cells[(*site.plan->services)[service].cells.packets_in], 2u);
  }
}

TEST(ToShards, PaddingOfAShortFrameIsNotPartOfThePacket) {
  Site site(kOwn);
  auto bytes = frame({kClient, kTcpAck, 0});
  const auto ip = ip_of(bytes);
  bytes.resize(60);
  run(site, bytes);
  EXPECT_EQ(only_one(*site.l7.newest)->second.ip, ip);
}

TEST(ToShards, ATtlOfOneIsEnough) {
  Site site(kOwn);
  EXPECT_EQ(run(site, frame({.tuple = kClient, .ttl = 1})).verdict, Verdict::kShard);
}

TEST(ToShards, ManyFlowsReachEveryShard) {
  Site site(kOwn);
  Ends ends;
  std::vector<std::vector<std::byte>> burst;
  for (uint16_t port = 1; port <= 60; ++port) {
    FlowTuple t = kClient;
    t.source_port_be = __builtin_bswap16(port);
    burst.push_back(frame({t, kTcpSyn}));
  }
  run(site, ends, burst);
  uint32_t all = 0;
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    ShardPeer peer(*site.l7.newest, shard);
    uint32_t count = 0;
    while (peer.take()) ++count;
    EXPECT_GT(count, 5u);
    all += count;
  }
  EXPECT_EQ(all, 60u);
}

TEST(ToShards, AnswersOfBackendsGoWhereTheirPortSays) {
  for (const char* address : {"10.0.0.1", "fd00::1"})
    for (const uint16_t port : {61000, 61001, 61003, 61255, 61512, 65512}) {
      Site site(kOwn);
      L7Instance& first = *site.l7.newest;
      L7Instance& second = site.attach(3);
      const FlowTuple t = reply_to(address, port);
      EXPECT_EQ(run(site, frame({t})).verdict, Verdict::kShard) << port;
      const bool of_second = DoorPorts{}.instance_of(port) == second.number();
      EXPECT_FALSE(only_one(of_second ? first : second).has_value());
      const auto got = only_one(of_second ? second : first);
      ASSERT_TRUE(got.has_value());
      EXPECT_EQ(got->first, DoorPorts{}.shard_of(port, of_second ? 3 : kShards));
      EXPECT_EQ(got->second.ip, ip_of(frame({t})));
    }
}

TEST(ToShards, WhatIsNotTcpOrNotInTheRangeStaysTheKernels) {
  Site site(kOwn);
  for (const FlowTuple& t :
       {reply_to("10.0.0.1", 60999), tuple("10.0.0.11:80", "10.0.0.1:61000", Protocol::kUdp),
        tuple("198.51.100.7:5555", "203.0.113.4:81"), tuple("198.51.100.7:5555", "203.0.113.4:61000"),
        tuple("198.51.100.7:5555", "203.0.113.4:80", Protocol::kUdp)})
    EXPECT_EQ(run(site, frame({t})).verdict, Verdict::kDoor);
  Site without;
  EXPECT_EQ(run(without, frame({reply_to("10.0.0.1", 61000)})).verdict, Verdict::kDoor);
}

TEST(ToShards, ErrorsGoWhereThePacketCameFromThatTheyAreAbout) {
  for (const FlowTuple& in : {kClient, kClient6, reply_to("10.0.0.1", 61002), reply_to("fd00::1", 61002)}) {
    Site site(kOwn);
    run(site, frame({in}));
    const auto flow = only_one(*site.l7.newest);
    const FlowTuple out{in.destination, in.source, in.destination_port_be, in.source_port_be, in.protocol};
    const auto error = error_about(frame({out}), in.source.is_v4() ? kTooBig4 : kTooBig6);
    EXPECT_EQ(run(site, error).verdict, Verdict::kShard);
    const auto got = only_one(*site.l7.newest);
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->first, flow->first);
    EXPECT_EQ(got->second.ip, ip_of(error));
    EXPECT_EQ(got->second.flags, 0);
  }
}

TEST(ToShards, WithoutAnInstanceAreDropped) {
  Site site(kOwn);
  site.detach(*site.l7.newest);
  for (const FlowTuple& t : {kClient, kClient6, reply_to("10.0.0.1", 61000)}) {
    EXPECT_EQ(run(site, frame({t, kTcpSyn})).verdict, Verdict::kDrop);
  }
  EXPECT_EQ(site.drops(Reason::k_no_shard), 3u);
  site.worker.l7 = nullptr;
  EXPECT_EQ(run(site, frame({kClient, kTcpSyn})).reason, Reason::k_no_shard);
}

// Whole and right, from the packet's destination to its source, and nothing but a reset.
void expect_reset(const Outcome& outcome, const FlowTuple& of, uint8_t flags, uint32_t sequence, uint32_t acknowledged) {
  ASSERT_EQ(outcome.verdict, Verdict::kToSender) << name(outcome.reason);
  EXPECT_EQ(name(outcome.reason), name(Reason::k_shard_gone));
  FlowTuple tuple;
  const wire::Frame f = wire::read_frame(outcome.frame, tuple);
  ASSERT_EQ(f.fault, wire::Fault::kNone);
  EXPECT_EQ(tuple, (FlowTuple{of.destination, of.source, of.destination_port_be, of.source_port_be, of.protocol}));
  EXPECT_TRUE(sums_right(outcome.frame));
  EXPECT_EQ(outcome.frame.size(), size_t{14} + f.l3_length);
  EXPECT_EQ(f.l3_length, f.family == 4 ? 40 : 60);
  EXPECT_EQ(f.tcp_flags, flags);
  EXPECT_EQ(load_be32(outcome.frame.data() + f.l4 + 4), sequence);
  EXPECT_EQ(load_be32(outcome.frame.data() + f.l4 + 8), acknowledged);
}

constexpr uint8_t kFin = wire::kTcpFin, kRst = wire::kTcpRst, kPush = 0x08;

TEST(ToShards, WhatGoesOnWithAnInstanceThatEndedIsReset) {
  for (const FlowTuple& t : {kClient, kClient6, reply_to("10.0.0.1", 61000), reply_to("fd00::1", 61000)}) {
    Site site(kOwn);
    site.detach(*site.l7.newest);
    const auto sent = [&](uint8_t flags, uint16_t payload) { return run(site, frame({t, flags, payload, 64, 1000, 7777})); };
    expect_reset(sent(kTcpAck, 0), t, kRst, 7777, 0);
    expect_reset(sent(kTcpAck | kPush, 1400), t, kRst, 7777, 0);
    expect_reset(sent(kTcpAck | kFin, 0), t, kRst, 7777, 0);
    expect_reset(sent(kTcpAck | kTcpSyn, 0), t, kRst, 7777, 0);
    expect_reset(sent(kPush, 6), t, kRst | kTcpAck, 0, 1006);
    expect_reset(sent(kFin, 6), t, kRst | kTcpAck, 0, 1007);
    EXPECT_EQ(sent(kTcpSyn, 0).reason, Reason::k_no_shard) << "comes again, when somebody may be there";
    for (const uint8_t flags : {kRst, uint8_t(kRst | kTcpAck)}) EXPECT_EQ(sent(flags, 0).verdict, Verdict::kDrop);
    EXPECT_EQ(site.drops(Reason::k_shard_gone), 6u);
    EXPECT_EQ(site.drops(Reason::k_no_shard), 3u);
  }
}

TEST(ToShards, NobodyIsResetWhoseInstanceMayComeBack) {
  for (const FlowTuple& t : {kClient, reply_to("10.0.0.1", 61000), reply_to("10.0.0.1", 61256)}) {
    Site site(kOwn);
    site.detach(*site.l7.newest, Left::kNever);
    EXPECT_EQ(run(site, frame({t, kTcpAck})).reason, Reason::k_no_shard) << "this dataplane is younger than it";
    const L7Instance& first = site.attach(1);
    const L7Instance& second = site.attach(1);
    site.detach(second, Left::kAway);
    site.detach(first, Left::kEnded);
    const bool of_first = t == reply_to("10.0.0.1", 61000);
    EXPECT_EQ(run(site, frame({t, kTcpAck})).reason, of_first ? Reason::k_shard_gone : Reason::k_no_shard);
    site.attach(1);
    EXPECT_EQ(run(site, frame({kClient, kTcpAck})).verdict, Verdict::kShard) << "who is attached knows it, or resets it";
  }
}

TEST(ToShards, BackendsOfAnInstanceThatEndedAreResetBesideAnother) {
  Site site(kOwn);
  const L7Instance& first = *site.l7.newest;
  site.attach(1);
  site.detach(first);
  const FlowTuple t = reply_to("10.0.0.1", 61000);
  expect_reset(run(site, frame({t, kTcpAck, 6, 64, 1, 5})), t, kRst, 5, 0);
  EXPECT_EQ(run(site, frame({reply_to("10.0.0.1", 61256), kTcpAck})).verdict, Verdict::kShard);
}

TEST(ToShards, OnlySoundPacketsAreReset) {
  Site site(kOwn);
  site.detach(*site.l7.newest);
  auto bad = frame({kClient, kTcpAck, 100});
  bad.back() ^= std::byte{1};
  EXPECT_EQ(run(site, bad).reason, Reason::k_no_shard);
  const FlowTuple out{kClient.destination, kClient.source, kClient.destination_port_be, kClient.source_port_be,
                      kClient.protocol};
  EXPECT_EQ(run(site, error_about(frame({out}), kTooBig4)).reason, Reason::k_no_shard) << "an error is not answered";
  site.hops.hops[0].state = HopState::kFailed;
  EXPECT_EQ(run(site, frame({kClient, kTcpAck})).reason, Reason::k_no_shard);
}

TEST(ToShards, OptionsOfAPacketAreNotThoseOfItsReset) {
  for (const FlowTuple& t : {kClient, kClient6}) {
    Site site(kOwn);
    site.detach(*site.l7.newest);
    auto bytes = frame({t, kTcpAck, 40, 64, 1, 99});
    FlowTuple tuple;
    const wire::Frame f = wire::read_frame(bytes, tuple);
    bytes[f.l4 + 12u] = std::byte{15 << 4};  // its payload are options now
    set_tcp_sum(bytes, f);
    expect_reset(run(site, bytes), t, kRst, 99, 0);
  }
}

TEST(ToShards, ResetsHaveALimit) {
  Site site(kOwn);
  site.detach(*site.l7.newest);
  Ends ends;
  const std::vector<std::vector<std::byte>> burst(64, frame({kClient, kTcpAck}));
  for (uint32_t i = 0; i < 100; ++i) run(site, ends, burst);
  EXPECT_EQ(site.drops(Reason::k_shard_gone), 2000u) << "a tenth of a second's";
  EXPECT_EQ(ends.sent.size(), 2000u);
  EXPECT_EQ(site.drops(Reason::k_no_shard), 6400u - 2000u);
  site.worker.now_ms += 1;
  run(site, ends, burst);
  EXPECT_EQ(site.drops(Reason::k_shard_gone), 2020u);
}

TEST(ToShards, AFullPipeDropsUntilItIsRead) {
  Site site({.shards = 1});
  Ends ends;
  const std::vector<std::vector<std::byte>> burst(64, frame({kClient, kTcpAck, 1400}));
  const uint32_t room = site.l7.newest->door().shape().up_bytes / 1472;  // bytes of a record
  for (uint32_t sent = 0; sent < room + 64u; sent += 64) run(site, ends, burst);
  const uint64_t dropped = site.drops(Reason::k_door_shard_full);
  EXPECT_GE(dropped, 1u);
  EXPECT_LE(dropped, 128u);
  ShardPeer peer(*site.l7.newest, 0);
  uint64_t taken = 0;
  while (peer.take()) ++taken;
  EXPECT_EQ(taken, moved(site, &TrafficCells::packets_in));
  EXPECT_EQ(run(site, burst[0]).verdict, Verdict::kShard);
}

TEST(ToShards, FragmentsAreDroppedForTheirReason) {
  Site site(kOwn);
  Ends ends;
  const auto pieces = fragments_of(frame({kClient, kTcpAck, 1000}), 400, 9);
  ASSERT_EQ(pieces.size(), 3u);
  for (const Outcome& outcome : run(site, ends, pieces)) EXPECT_EQ(outcome.reason, Reason::k_shard_fragment);
  EXPECT_EQ(site.drops(Reason::k_shard_fragment), 3u);
  EXPECT_FALSE(only_one(*site.l7.newest).has_value());
}

TEST(ToShards, ASumIsCalledGoodWhereSomebodyLookedAtIt) {
  Site site(kOwn);
  Ends ends;
  run(site, frame({kClient}));
  EXPECT_EQ(only_one(*site.l7.newest)->second.flags, 0);
  run(site, ends, {frame({kClient})}, {.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD});
  EXPECT_EQ(only_one(*site.l7.newest)->second.flags, kChecksumGood);
  Site checking({.checksums = image::Checksums::full, .shards = kShards});
  run(checking, frame({kClient}));
  EXPECT_EQ(only_one(*checking.l7.newest)->second.flags, kChecksumGood);
}

TEST(ToShards, ASumThatItsSendersHostLeftHalfDoneIsFinished) {
  Site site(kOwn);
  Ends ends;
  const auto whole = frame({kClient, kTcpAck, 100});
  auto half = whole;
  FlowTuple ignored;
  const wire::Frame read = wire::read_frame(half, ignored);
  store_be16(half.data() + read.l4 + 16, uint16_t(pseudo_header_sum(half, read)));
  run(site, ends, {half}, {.virtual_link = true});
  const auto got = only_one(*site.l7.newest);
  EXPECT_EQ(got->second.ip, ip_of(whole));
  EXPECT_EQ(got->second.flags, kChecksumGood);
}

TEST(ToShards, WhatBeganAtAnOlderInstanceStaysThereUntilItLeaves) {
  for (FlowTuple t : {kClient, kClient6}) {
    Site site({.shards = 1});
    L7Instance& first = *site.l7.newest;
    run(site, frame({t, kTcpSyn}));
    EXPECT_TRUE(only_one(first).has_value());
    L7Instance& second = site.attach(2);
    EXPECT_EQ(run(site, frame({t, kTcpAck})).verdict, Verdict::kShard);
    EXPECT_TRUE(only_one(first).has_value()) << "its flow goes on";
    run(site, error_about(frame({{t.destination, t.source, t.destination_port_be, t.source_port_be, t.protocol}}),
                          t.source.is_v4() ? kTooBig4 : kTooBig6));
    EXPECT_TRUE(only_one(first).has_value()) << "and so do errors about it";
    t.source_port_be = __builtin_bswap16(6666);
    for (const uint8_t flags : {kTcpSyn, kTcpAck, uint8_t(wire::kTcpFin | kTcpAck)}) {
      run(site, frame({t, flags}));
      EXPECT_TRUE(only_one(second).has_value()) << "a new one is the newest's";
      EXPECT_FALSE(only_one(first).has_value());
    }
    t.source_port_be = kClient.source_port_be;
    site.detach(first);
    run(site, frame({t, kTcpAck}));
    EXPECT_TRUE(only_one(second).has_value()) << "who is left answers for what the other one had";
  }
}

TEST(ToShards, AnOlderInstanceThatIsBrokenHasNothingMore) {
  Site site({.shards = 1});
  L7Instance& first = *site.l7.newest;
  L7Instance& second = site.attach(1);
  first.find_broken();
  run(site, frame({kClient, kTcpAck}));
  EXPECT_TRUE(only_one(second).has_value());
}

TEST(ToShards, OnesWhoseMemoryMakesNoSenseGetNothingMore) {
  Site site({.shards = 1});
  Ends ends;
  run(site, ends, {frame({kClient})});
  site.l7.newest->door().up(0, 0).head.store(0x80000000u);
  const std::vector<std::vector<std::byte>> burst(64, frame({kClient, kTcpAck, 1400}));
  for (uint32_t i = 0; i < 100 && !site.l7.newest->is_broken(); ++i) run(site, ends, burst);
  EXPECT_TRUE(site.l7.newest->is_broken());
  EXPECT_EQ(ends.reports, 1u);
  EXPECT_EQ(run(site, frame({kClient})).reason, Reason::k_no_shard);
}

TEST(ToShards, ExplainNamesTheShard) {
  Site site(kOwn);
  Explanation e;
  e.tuple = kClient;
  explain(site.worker, e);
  EXPECT_EQ(e.verdict, Verdict::kShard);
  EXPECT_EQ(e.shard, owner_of(flow_hash(site.plan->hash_key, kClient), kShards));
  std::string all;
  for (const std::string& line : story(*site.plan, *site.registry, e)) all += line + "\n";
  EXPECT_NE(all.find("service shard4"), std::string::npos) << all;
  EXPECT_NE(all.find("to shard " + std::to_string(e.shard) + " of cardea-l7 (instance 0)"), std::string::npos) << all;
  EXPECT_FALSE(only_one(*site.l7.newest).has_value()) << "explaining sends nothing";
  site.detach(*site.l7.newest);
  explain(site.worker, e);
  EXPECT_EQ(e.reason, Reason::k_no_shard) << "what is explained begins a connection";
}

}  // namespace
}  // namespace cardea::dataplane::test
