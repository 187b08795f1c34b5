// The door with a pair of sockets in the TAP's place: they keep datagrams apart as a TAP keeps frames.
#include "dataplane/door/kernel_door.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "dataplane/door/shared_interface.h"
#include "dataplane/door/tap.h"
#include "tests/unit/dataplane/door/tcp_frames.h"
#include "tests/unit/dataplane/own_network.h"
#include "tests/unit/dataplane/xdp/loaded_program.h"

namespace cardea::dataplane {
namespace {

using namespace test;
using Frame = std::vector<std::byte>;

class DoorTest : public testing::Test {
 protected:
  void SetUp() override {
    start_eal();
    static int made = 0;  // DPDK's rings have names
    make_rings("doortest" + std::to_string(made++));
    open_side();
    const std::string ports[] = {"wan"};
    rows_ = ControlRows::add(*site_.segment, ports).value();
    plans_.publish(build_live_plan(plan_image({}), *site_.registry).value());
    door_ = std::make_unique<KernelDoor>(KernelDoor::Surroundings{.number = number(),
                                                                  .ports = {{side_.get(), queues()}},
                                                                  .rings = *rings_,
                                                                  .pool = packet_pool(),
                                                                  .quiet_points = quiet_,
                                                                  .reader = 0,
                                                                  .plans = plans_,
                                                                  .conversations = conversations_,
                                                                  .strangers = strangers_,
                                                                  .cells = site_.segment->cells(1),
                                                                  .path_cells = site_.path_cells,
                                                                  .rows = rows_});
    ASSERT_TRUE(door_->start());
  }

  // Of the door that is tried, among as many as it says.
  virtual uint32_t number() const { return 0; }
  virtual uint16_t queues() const { return uint16_t(number() + 1); }  // of the port
  virtual void make_rings(const std::string& name) {
    rings_ = Rings::create(0, name).value();
    auto in = PacketRing::create("in" + name, kRingPackets), out = PacketRing::create("out" + name, 128);
    rings_->workers.push_back(std::make_unique<WorkerRings>(std::move(*in), std::move(*out)));
  }
  virtual void open_side() {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    std::vector<FileDescriptor> queues;
    queues.emplace_back(pair[0]);
    side_ = std::make_unique<Tap>(std::move(queues), 0, "wan", std::array<uint8_t, 6>{});
    kernel_ = FileDescriptor(pair[1]);
  }

  void to_kernel(const std::vector<Frame>& frames, DoorClass door = DoorClass::kService) {
    for (const Frame& frame : frames) {
      rte_mbuf* one = packet(frame);
      one->port = 0;
      ASSERT_EQ(rings_->doors[number()]->of(door).push(&one, 1), 1);
    }
    rings_->doors[number()]->bell.ring();
  }
  // The next thing the kernel would get, its header first; empty when nothing comes.
  Frame kernel_gets(int patience_ms = 2000) {
    pollfd wait{kernel_.get(), POLLIN, 0};
    if (::poll(&wait, 1, patience_ms) != 1) return {};
    Frame frame(70000);
    frame.resize(size_t(std::max<ssize_t>(::read(kernel_.get(), frame.data(), frame.size()), 0)));
    return frame;
  }
  void kernel_sends(const VirtioHeader& header, const Frame& frame) {
    Frame all(sizeof header);
    std::memcpy(all.data(), &header, sizeof header);
    all.insert(all.end(), frame.begin(), frame.end());
    ASSERT_EQ(::write(kernel_.get(), all.data(), all.size()), ssize_t(all.size()));
  }
  std::vector<Frame> worker_gets(size_t count) {
    std::vector<Frame> got;
    for (int tries = 0; got.size() < count && tries < 2000; ++tries) {
      rte_mbuf* packets[32];
      const uint16_t n = rings_->workers[number()]->outbox.pop(packets, 32);
      for (uint16_t i = 0; i < n; ++i) {
        const auto* at = rte_pktmbuf_mtod(packets[i], const std::byte*);
        got.emplace_back(at, at + packets[i]->data_len);
        rte_pktmbuf_free(packets[i]);
      }
      if (n == 0) ::usleep(1000);
    }
    return got;
  }
  // A packet may be here before the door has counted it: so much is waited for.
  uint64_t counted(uint32_t cell, uint64_t awaited = 0) {
    const std::atomic_ref count(site_.segment->cells(1)[cell]);
    for (int tries = 0; count.load() < awaited && tries < 2000; ++tries) ::usleep(1000);
    return count.load();
  }

  Site site_;
  ControlRows rows_;
  QuietPoints quiet_{1};
  Published<LivePlan> plans_{quiet_};
  Conversations conversations_;
  Strangers strangers_;
  std::unique_ptr<Rings> rings_;
  std::unique_ptr<KernelSide> side_;
  FileDescriptor kernel_;
  std::unique_ptr<KernelDoor> door_;
};

TEST_F(DoorTest, FramesReachTheKernelInOrderAndSegmentsTogether) {
  const Frame arp(60, std::byte{1});
  to_kernel({arp, segment(kFlow4, 0, 1000), segment(kFlow4, 1000, 1000), segment(kFlow6, 0, 10)});
  EXPECT_EQ(kernel_gets().size(), sizeof(VirtioHeader) + 60);
  size_t bytes = 0;  // in one piece, or in two if the door was quicker than we
  for (size_t wanted = 2000; bytes < wanted;) {
    const Frame got = kernel_gets();
    ASSERT_FALSE(got.empty());
    bytes += got.size() - sizeof(VirtioHeader) - 54;
  }
  EXPECT_EQ(kernel_gets().size(), sizeof(VirtioHeader) + 84);
}

TEST_F(DoorTest, LargeFramesOfTheKernelAreCutAndCountedForTheirService) {
  const FlowTuple reply = tuple("203.0.113.3:80", "198.51.100.7:5555");
  kernel_sends({.flags = 1, .type = VirtioHeader::kTcpV4, .segment = 1448}, segment(reply, 0, 14480));
  const std::vector<Frame> frames = worker_gets(10);
  ASSERT_EQ(frames.size(), 10u);
  uint32_t sequence = 0;
  for (const Frame& frame : frames) {
    EXPECT_TRUE(sums_right(frame));
    EXPECT_EQ(load_be32(frame.data() + 38), sequence);
    sequence += 1448;
  }
  const auto* plan = plans_.load();
  const ServiceId id = plan->listen_table->find(reply.source, reply.source_port_be, Protocol::kTcp);
  const TrafficCells& cells = (*plan->services)[id].cells;
  EXPECT_EQ(counted(cells.packets_out, 10), 10u);
  EXPECT_EQ(counted(cells.bytes_out, 10 * (54 + 1448)), 10u * (54 + 1448));
  EXPECT_EQ(counted(rows_.from_kernel, 10), 10u);
}

TEST_F(DoorTest, WhatFindsNoRoomWaitsInTheTap) {
  constexpr uint32_t kFrames = 300;  // the ring holds 127, and the door leaves room for one large frame
  std::jthread kernel([&] {
    for (uint32_t i = 0; i < kFrames; ++i) {
      pollfd wait{kernel_.get(), POLLOUT, 0};
      while (::poll(&wait, 1, 10'000) == 1 && (wait.revents & POLLOUT) == 0) {
      }
      kernel_sends({}, segment(kFlow4, i, 10));
    }
  });
  while (rings_->workers[0]->outbox.room() > 64) ::usleep(1000);
  const std::vector<Frame> frames = worker_gets(kFrames);
  ASSERT_EQ(frames.size(), kFrames);
  for (uint32_t i = 0; i < kFrames; ++i) EXPECT_EQ(load_be32(frames[i].data() + 38), i);
  EXPECT_EQ(counted(rows_.from_kernel_lost), 0u);
}

TEST_F(DoorTest, WhomTheKernelTalksToIsKnownBeforeItsPacketLeaves) {
  const auto knows = [&](const FlowTuple& answer) {
    const auto now_s = uint32_t(rte_rdtsc() / (rte_get_tsc_hz() / 1000)) / 1000;
    return conversations_.knows(Conversations::hash(plans_.load()->hash_key, answer), now_s);
  };
  const FlowTuple probe = tuple("192.0.2.1:40000", "10.0.0.11:80"), answer = tuple("10.0.0.11:80", "192.0.2.1:40000");
  EXPECT_FALSE(knows(answer));
  kernel_sends({}, segment(probe, 0, 10));
  ASSERT_EQ(worker_gets(1).size(), 1u);
  EXPECT_TRUE(knows(answer));
  EXPECT_FALSE(knows(probe));
}

TEST_F(DoorTest, AResetToAStrangerMakesNoAcquaintance) {
  const FlowTuple reset = tuple("192.0.2.1:81", "198.51.100.7:5555"),
                  stray = tuple("198.51.100.7:5555", "192.0.2.1:81");
  kernel_sends({}, frame({.tuple = reset, .tcp_flags = wire::kTcpRst}));
  ASSERT_EQ(worker_gets(1).size(), 1u);
  EXPECT_FALSE(conversations_.knows(Conversations::hash(plans_.load()->hash_key, stray),
                                    uint32_t(rte_rdtsc() / (rte_get_tsc_hz() / 1000)) / 1000));
}

TEST_F(DoorTest, StrangersGetTheirShareASecondAndTheHostGoesFirst) {
  image::PlanT few = plan_of({});
  few.settings->door_rate = 20;  // and two at once
  plans_.publish(build_live_plan(packed(few), *site_.registry).value());
  to_kernel(std::vector<Frame>(40, segment(kFlow4, 0, 10)), DoorClass::kRest);
  to_kernel({Frame(60, std::byte{1})}, DoorClass::kHost);
  bool host_came = false;
  for (int strangers = 0; !host_came; ++strangers) {
    ASSERT_LT(strangers, 20) << "the host's frame came after a second of strangers";
    host_came = kernel_gets().size() == sizeof(VirtioHeader) + 60;
  }
  EXPECT_GT(rings_->doors[number()]->of(DoorClass::kRest).size(), 0u) << "they wait, and are not dropped";
  while (rings_->doors[number()]->of(DoorClass::kRest).size() > 0) ASSERT_FALSE(kernel_gets().empty()) << "nor are they forgotten";
}

TEST_F(DoorTest, NonsenseOfTheKernelIsCountedAsLost) {
  kernel_sends({.type = 3, .segment = 10}, segment(kFlow4, 0, 100));
  kernel_sends({}, segment(kFlow4, 0, 100));
  EXPECT_EQ(worker_gets(1).size(), 1u);
  EXPECT_EQ(counted(rows_.from_kernel_lost, 1), 1u);
}

// The second of two doors, on a port with a queue for each worker.
class SecondDoorTest : public DoorTest {
 protected:
  uint32_t number() const override { return 1; }
  void make_rings(const std::string& name) override { rings_ = Rings::create(2, name).value(); }
  void open_side() override {
    std::vector<FileDescriptor> queues;
    for (FileDescriptor* kernel : {&others_, &kernel_}) {
      int pair[2];
      ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
      queues.emplace_back(pair[0]), *kernel = FileDescriptor(pair[1]);
    }
    side_ = std::make_unique<Tap>(std::move(queues), 0, "wan", std::array<uint8_t, 6>{});
  }

  FileDescriptor others_;  // the kernel's end of the first door's queue
};

TEST_F(SecondDoorTest, CarriesByItsOwnQueueAndSendsByItsOwnWorker) {
  to_kernel({Frame(60, std::byte{1})});
  EXPECT_EQ(kernel_gets().size(), sizeof(VirtioHeader) + 60);
  kernel_sends({}, segment(kFlow4, 0, 100));
  EXPECT_EQ(worker_gets(1).size(), 1u);
  std::byte none[8];
  EXPECT_EQ(::read(others_.get(), none, sizeof none), -1) << "the other queue is another's";
  EXPECT_TRUE(rings_->workers[0]->outbox.empty());
}

// The second of two doors again, on a port with one queue, which is the first worker's.
class OneSenderTest : public SecondDoorTest {
 protected:
  uint16_t queues() const override { return 1; }
  void make_rings(const std::string& name) override {
    rings_ = Rings::create(2, name).value();
    auto in = PacketRing::create("in" + name, kRingPackets), out = PacketRing::create("out" + name, 512);
    rings_->workers[0] = std::make_unique<WorkerRings>(std::move(*in), std::move(*out));
  }
};

TEST_F(OneSenderTest, LeavesRoomForWhatTheOtherDoorHasSeenRoomFor) {
  PacketRing& outbox = rings_->workers[0]->outbox;
  for (uint32_t i = 0; i < 400; ++i) {  // the ring holds 511: 384 of them, and room for a large frame of each door
    pollfd wait{kernel_.get(), POLLOUT, 0};
    ASSERT_EQ(::poll(&wait, 1, 10'000), 1);
    kernel_sends({}, segment(kFlow4, i, 10));
  }
  while (outbox.room() >= 128) ::usleep(1000);
  ::usleep(20'000);
  EXPECT_EQ(outbox.room(), 127u);
  EXPECT_TRUE(rings_->workers[1]->outbox.empty());
  for (rte_mbuf* one = nullptr; outbox.pop(&one, 1) == 1;) rte_pktmbuf_free(one);
}

// The same door over an interface that the port shares with the kernel, which a packet socket listens on.
class SharedDoorTest : public DoorTest {
 protected:
  void open_side() override {
    side_ = SharedInterface::open("eth9", program_.filter).value();
    kernel_ = FileDescriptor(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
    const sockaddr_ll eth9{.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = side_->index()};
    ASSERT_EQ(::bind(kernel_.get(), reinterpret_cast<const sockaddr*>(&eth9), sizeof eth9), 0);
  }
  // The next frame of this size.
  bool kernel_gets_frame(size_t size) {
    for (int others = 0; others < 20; ++others) {
      const Frame frame = kernel_gets();
      if (frame.empty() || frame.size() == size) return !frame.empty();
    }
    return false;
  }

  test::OwnNetwork network_;
  xdp::test::LoadedProgram program_;
};

TEST_F(SharedDoorTest, FramesReachTheKernelAsTheyCame) {
  to_kernel({segment(kFlow4, 0, 1000), segment(kFlow4, 1000, 1000), segment(kFlow6, 0, 10)});
  EXPECT_TRUE(kernel_gets_frame(1054));
  EXPECT_TRUE(kernel_gets_frame(1054));
  EXPECT_TRUE(kernel_gets_frame(84));
  EXPECT_EQ(counted(site_.path_cells.drops[size_t(Reason::k_door_full)]), 0u);
}

TEST_F(SharedDoorTest, WhatIsNotForTheKernelYetIsDroppedByThatName) {
  xdp::Share share;
  share.ports.insert({kFlow4.destination, kFlow4.destination_port_be, Protocol::kTcp});
  ASSERT_TRUE(program_.filter.add(share));
  to_kernel({segment(kFlow4, 0, 1000), segment(kFlow6, 0, 10)});
  EXPECT_TRUE(kernel_gets_frame(84));
  EXPECT_EQ(counted(site_.path_cells.drops[size_t(Reason::k_not_yet)], 1), 1u);
}

}  // namespace
}  // namespace cardea::dataplane
