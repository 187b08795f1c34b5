// How the process comes to its door: a dataplane that is not there, comes, says no, goes, and comes again.
#include "l7/control/door_attachment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <nlohmann/json.hpp>

#include "base/control_socket.h"
#include "base/l7_door_return.h"
#include "base/l7_door_socket.h"
#include "l7/control/answers.h"
#include "tests/unit/base/scratch_folder.h"
#include "tests/unit/l7/plan/images.h"
#include "tests/unit/l7/runtime/loopback_port.h"

namespace cardea::l7 {
namespace {

using namespace std::chrono_literals;

class DoorAttachmentTest : public testing::Test {
 protected:
  DoorAttachmentTest() : attachment(folder.file("door.sock")) {
    StartOptions options;
    options.run_directory = folder.file("");
    auto opened = Running::open(test::packed(plan(1, image::Transport::kernel)), options);
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    running = std::move(*opened);
  }
  image::PlanT plan(uint64_t generation, image::Transport transport) const {
    image::PlanT made = test::plan(generation);
    made.services[0]->listen = {{test::address("127.0.0.1"), http.number()}};
    made.services[1]->listen = {{test::address("127.0.0.1"), tcp.number()}};
    made.services[0]->transport = transport;
    return made;
  }
  void adopt(uint64_t generation, image::Transport transport) {
    EXPECT_TRUE(running->adopt(test::packed(plan(generation, transport))));
  }
  // Each time a little later than it wants to be called again at the latest.
  void tend() { attachment.tend(*running, now += 201ms); }
  std::string said() {
    const auto status = nlohmann::json::parse(*answer_question(R"({"ask":"status"})", *running));
    return status["door"].is_null() ? "none" : status["door"].get<std::string>();
  }

  // The dataplane.
  void dataplane_comes() { listener = std::move(*control::listen(folder.file("door.sock"))); }
  FileDescriptor caller() { return std::move(*control::accept(listener.get())); }
  static std::vector<FileDescriptor> bells(size_t count) {
    std::vector<FileDescriptor> made;
    for (size_t i = 0; i < count; ++i) made.emplace_back(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    return made;
  }
  static void give(const FileDescriptor& to, uint32_t shards) {
    const L7Door door = *L7Door::create(L7Door::shape(1, shards, 1 << 20));
    EXPECT_TRUE(hand_over(to.get(), door, bells(1), bells(shards), 1));
  }

  ScratchFolder folder;
  const LoopbackPort http, tcp;
  std::unique_ptr<Running> running;
  DoorAttachment attachment;
  FileDescriptor listener;
  Instant now{100s};
};

TEST_F(DoorAttachmentTest, WhoNeedsNoneAsksForNone) {
  tend();
  EXPECT_EQ(attachment.fd(), -1);
  EXPECT_EQ(attachment.looks_again(1000ms), 1000ms);
  EXPECT_EQ(said(), "none");
}

TEST_F(DoorAttachmentTest, IsAskedForUntilThereIsOneAndAgainWhenTheDataplaneHasGone) {
  adopt(2, image::Transport::userspace);
  tend();
  EXPECT_FALSE(attachment.attached());
  EXPECT_EQ(attachment.looks_again(1000ms), 200ms);
  EXPECT_EQ(said(), "away");
  for (int i = 0; i < 2; ++i) {
    dataplane_comes();
    tend();
    FileDescriptor process = caller();
    const auto request = receive_door_request(process.get());
    ASSERT_TRUE(request) << request.error().message;
    ASSERT_EQ(request->shards, running->shards().size());
    tend();
    EXPECT_FALSE(attachment.attached()) << "it is waited for without a word";
    give(process, request->shards);
    tend();
    ASSERT_TRUE(attachment.attached());
    EXPECT_EQ(said(), "attached");
    bool there = false;
    running->ask(0, [&](proxy::Shard& shard) { there = shard.door().attached(); });
    EXPECT_TRUE(there);
    listener.close();
    process.close();
    tend();
    EXPECT_FALSE(attachment.attached());
    EXPECT_EQ(said(), "away");
    running->ask(0, [&](proxy::Shard& shard) { there = shard.door().attached(); });
    EXPECT_FALSE(there);
    ::unlink(folder.file("door.sock").c_str());
  }
}

TEST_F(DoorAttachmentTest, StaysWhileTheKernelServesAgain) {
  adopt(2, image::Transport::userspace);
  dataplane_comes();
  tend();
  const FileDescriptor process = caller();
  give(process, uint32_t(running->shards().size()));
  tend();
  adopt(3, image::Transport::kernel);
  tend();
  EXPECT_TRUE(attachment.attached()) << "connections that run over it end in their own time";
}

TEST_F(DoorAttachmentTest, ARefusalAndADoorForOthersAreAskedForAgain) {
  adopt(2, image::Transport::userspace);
  dataplane_comes();
  tend();
  const FileDescriptor refused = caller();
  refuse_door(refused.get(), "two have one already");
  tend();
  EXPECT_EQ(attachment.fd(), -1);
  tend();
  const FileDescriptor other = caller();
  give(other, uint32_t(running->shards().size()) + 1);
  tend();
  EXPECT_FALSE(attachment.attached());
  tend();
  const FileDescriptor at_last = caller();
  give(at_last, uint32_t(running->shards().size()));
  tend();
  EXPECT_TRUE(attachment.attached());
}

TEST_F(DoorAttachmentTest, OneThatAShardFoundBrokenIsGivenUp) {
  adopt(2, image::Transport::userspace);
  dataplane_comes();
  tend();
  const FileDescriptor process = caller();
  const auto shards = uint32_t(running->shards().size());
  const L7Door door = *L7Door::create(L7Door::shape(1, shards, 1 << 20));
  auto shard_bells = bells(shards);
  ASSERT_TRUE(hand_over(process.get(), door, bells(1), shard_bells, 0));
  tend();
  ASSERT_TRUE(attachment.attached());
  running->ask(0, [](proxy::Shard&) {});
  door.up(0, 0).tail.store(7);
  SharedBell(door.shard_asleep(0), shard_bells[0].get()).ring();
  bool there = true;
  for (int i = 0; i < 1000 && there; ++i)
    running->ask(0, [&](proxy::Shard& shard) { there = shard.door().attached(); });
  EXPECT_FALSE(there);
  tend();
  EXPECT_FALSE(attachment.attached());
  ASSERT_TRUE(receive_door_request(process.get()));
  EXPECT_TRUE(comes_back(process.get())) << "whoever takes it for dead would reset its connections";
}

}  // namespace
}  // namespace cardea::l7
