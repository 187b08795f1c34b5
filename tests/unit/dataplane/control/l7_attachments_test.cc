// The door's socket as cardea-l7 meets it: given a door, refused one, and gone.
#include "dataplane/control/l7_attachments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <filesystem>

#include "base/control_socket.h"
#include "base/l7_door_return.h"
#include "tests/packets/site.h"
#include "tests/unit/base/as_another.h"
#include "tests/unit/base/scratch_folder.h"

namespace cardea::dataplane {
namespace {

using testing::HasSubstr;

struct Socket : testing::Test {
  Socket() {
    test::start_eal();
    rings = Rings::create(2, "l7-attachments-").value();
  }

  // True: the value is another one.
  bool serve() { return attachments.serve(*rings); }
  FileDescriptor connect() {
    FileDescriptor socket = control::connect(path).value();
    serve();
    return socket;
  }
  Result<DoorHandover> ask(const FileDescriptor& socket, uint32_t shards) {
    EXPECT_TRUE(ask_for_door(socket.get(), {shards}));
    changed = serve();
    return receive_door(socket.get());
  }

  const ScratchFolder folder;
  const std::string path = folder.file("door.sock");
  std::unique_ptr<Rings> rings;
  L7Attachments attachments = L7Attachments::listen(path).value();
  bool changed = false;
};

bool has_ended(const FileDescriptor& socket) {
  pollfd poll{.fd = socket.get(), .events = POLLIN, .revents = 0};
  char byte;
  return ::poll(&poll, 1, 0) == 1 && ::read(socket.get(), &byte, 1) == 0;
}

TEST_F(Socket, WhoAsksGetsAnInstanceThatTheWorkersSeeUntilItLeaves) {
  FileDescriptor socket = connect();
  EXPECT_EQ(attachments.value()->newest, nullptr);
  auto door = ask(socket, 3);
  ASSERT_TRUE(door.has_value()) << door.error().message;
  EXPECT_TRUE(changed);
  EXPECT_EQ(door->worker_bells.size(), 2u);
  EXPECT_EQ(door->shard_bells.size(), 3u);
  const auto value = attachments.value();
  ASSERT_NE(value->newest, nullptr);
  EXPECT_EQ(value->newest, value->by_number[door->instance].get());
  EXPECT_EQ(value->older, nullptr);
  auto memory = L7Door::map(std::move(door->memory));
  ASSERT_TRUE(memory.has_value());
  memory->worker_asleep(1) = 7;
  EXPECT_EQ(value->newest->door().worker_asleep(1), 7u) << "the same memory";
  socket = {};
  EXPECT_TRUE(serve());
  EXPECT_EQ(attachments.value()->newest, nullptr);
  EXPECT_EQ(attachments.attached_ever(), 1u);
}

TEST_F(Socket, TheBellThatIsHandedOverIsTheOneTheWorkerSleepsOn) {
  const FileDescriptor socket = connect();
  const auto door = ask(socket, 1);
  const uint64_t one = 1;
  ASSERT_EQ(::write(door->worker_bells[1].get(), &one, sizeof one), ssize_t(sizeof one));
  uint64_t count = 0;
  EXPECT_EQ(::read(rings->workers[1]->l7_bells[door->instance].heard.get(), &count, sizeof count), ssize_t(sizeof count));
}

TEST_F(Socket, ASecondIsTheNewestAndAThirdIsToldThatThereIsNoRoom) {
  FileDescriptor first = connect();
  const auto of_first = ask(first, 1);
  const FileDescriptor second = connect(), third = connect();
  const auto of_second = ask(second, 2);
  ASSERT_TRUE(of_first && of_second);
  EXPECT_NE(of_first->instance, of_second->instance);
  EXPECT_EQ(attachments.value()->older, attachments.value()->by_number[of_first->instance].get());
  EXPECT_EQ(attachments.value()->newest->number(), of_second->instance);
  const auto of_third = ask(third, 1);
  ASSERT_FALSE(of_third.has_value());
  EXPECT_FALSE(changed);
  EXPECT_THAT(of_third.error().message, HasSubstr("2 instances have one already"));
  EXPECT_TRUE(has_ended(third));
  first = {};
  EXPECT_TRUE(serve());
  EXPECT_EQ(attachments.value()->newest->number(), of_second->instance);
  EXPECT_EQ(attachments.value()->older, nullptr);
  const FileDescriptor fourth = connect();
  const auto of_fourth = ask(fourth, 1);
  ASSERT_TRUE(of_fourth.has_value());
  EXPECT_EQ(of_fourth->instance, of_first->instance) << "the place that became free";
  EXPECT_EQ(attachments.value()->newest->number(), of_fourth->instance);
}

TEST_F(Socket, HowItsLastInstanceLeftIsKnownOfEachNumber) {
  FileDescriptor first = connect(), second = connect();
  ASSERT_TRUE(ask(first, 1) && ask(second, 1));
  EXPECT_FALSE(attachments.value()->all_ended());
  say_that_it_comes_back(second.get());
  second = {};
  EXPECT_TRUE(serve());
  EXPECT_EQ(attachments.value()->left[1], Left::kAway);
  first = {};
  EXPECT_TRUE(serve());
  EXPECT_EQ(attachments.value()->left[0], Left::kEnded);
  EXPECT_FALSE(attachments.value()->all_ended()) << "the other one comes back";
  FileDescriptor third = connect();
  ASSERT_TRUE(ask(third, 1));
  EXPECT_EQ(attachments.value()->left[1], Left::kNever);
  third = {};
  serve();
  EXPECT_TRUE(attachments.value()->all_ended());
}

// A descriptor's flags are those of everybody who was handed it.
TEST_F(Socket, NobodyCanMakeAWorkerWaitByWhatHeWasHandedOver) {
  const FileDescriptor socket = connect();
  const auto door = ask(socket, 1);
  const FileDescriptor& bell = door->worker_bells[0];
  for (const FileDescriptor* each : {&bell, &door->shard_bells[0]}) ASSERT_EQ(::fcntl(each->get(), F_SETFL, 0), 0);
  L7Instance& instance = *attachments.value()->newest;
  const SharedBell& of_shard = instance.row(0).ways[0].bell;
  for (int i = 0; i < 100'000; ++i) {
    instance.door().shard_asleep(0) = 1;
    of_shard.ring();
  }
  std::array<char, 512> room;
  const int read_end = rings->workers[0]->l7_bells[door->instance].heard.get();
  EXPECT_EQ(::read(read_end, room.data(), room.size()), -1) << "nothing is there, and it does not wait";
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(Socket, WhoSpeaksSomethingElseIsSentAwayAndHarmsNobody) {
  const FileDescriptor good = connect();
  ASSERT_TRUE(ask(good, 1).has_value());
  for (const std::string& words : {std::string("x"), std::string(8, '\0'), std::string(4000, 'y')}) {
    const FileDescriptor bad = connect();
    ASSERT_EQ(::write(bad.get(), words.data(), words.size()), ssize_t(words.size()));
    EXPECT_FALSE(serve());
    EXPECT_FALSE(receive_door(bad.get()).has_value());
    EXPECT_TRUE(has_ended(bad));
  }
  for (const uint32_t shards : {0u, 129u, ~0u}) {
    const FileDescriptor bad = connect();
    EXPECT_FALSE(ask(bad, shards).has_value());
  }
  EXPECT_EQ(attachments.attached().size(), 1u);
  ASSERT_EQ(::write(good.get(), "more", 4), 4);
  EXPECT_TRUE(serve()) << "who has a door has nothing to say";
  EXPECT_TRUE(attachments.attached().empty());
}

TEST_F(Socket, OfThoseWhoAskForNothingOnlySoManyAreHeld) {
  std::vector<FileDescriptor> silent;
  for (size_t i = 0; i < L7Attachments::kAskingMax; ++i) silent.push_back(connect());
  EXPECT_TRUE(has_ended(connect()));
  silent.pop_back();
  serve();
  const FileDescriptor next = connect();
  EXPECT_TRUE(ask(next, 1).has_value());
}

TEST_F(Socket, WhoseMemoryIsBrokenLosesHisDoor) {
  const FileDescriptor socket = connect(), other = connect();
  ASSERT_TRUE(ask(socket, 1).has_value() && ask(other, 1).has_value());
  EXPECT_FALSE(attachments.end_broken());
  attachments.attached()[0].instance->find_broken();
  EXPECT_TRUE(attachments.end_broken());
  EXPECT_EQ(attachments.value()->left[0], Left::kAway) << "it lives, and asks again";
  EXPECT_TRUE(has_ended(socket));
  EXPECT_FALSE(has_ended(other));
  EXPECT_EQ(attachments.broken_ever(), 1u);
  EXPECT_EQ(attachments.attached().size(), 1u);
}

// What a process of this user and group gets: 0 a door, 1 none.
int asks_as(Socket& socket, uid_t user, gid_t group) {
  const std::filesystem::path path(socket.path);
  const auto ask = [&] {
    auto connection = control::connect(path.filename());
    if (!connection) return 100;
    if (!ask_for_door(connection->get(), {1})) return 1;
    pollfd answered{.fd = connection->get(), .events = POLLIN, .revents = 0};
    if (::poll(&answered, 1, 60'000) != 1) return 101;
    return receive_door(connection->get()) ? 0 : 1;
  };
  return as_another(user, group, path.parent_path(), ask, [&] { socket.serve(); });
}

TEST_F(Socket, OnlyRootAndTheDaemonsOwnKindHaveADoor) {
  ASSERT_EQ(::geteuid(), 0u) << "tests of users are run as root";
  std::filesystem::permissions(std::filesystem::path(path).parent_path(), std::filesystem::perms::all);
  std::filesystem::permissions(path, std::filesystem::perms::all);  // the mode alone would keep most of them out
  constexpr uid_t kNobody = 65534;
  EXPECT_EQ(asks_as(*this, kNobody, kNobody), 1) << "a stranger";
  EXPECT_EQ(attachments.attached_ever(), 0u);
  EXPECT_EQ(asks_as(*this, 0, kNobody), 0) << "root";
  serve();
  EXPECT_EQ(asks_as(*this, kNobody, ::getegid()), 0) << "another user of the daemons' group";
  EXPECT_EQ(attachments.attached_ever(), 2u);
}

}  // namespace
}  // namespace cardea::dataplane
