// The plan socket's listening end, and plans in files: what a peer sees, also of one that misbehaves.
#include "base/plan_server.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "base/log.h"
#include "base/plan_file.h"
#include "tests/unit/base/as_another.h"
#include "tests/unit/base/descriptors_left.h"
#include "tests/unit/base/scratch_folder.h"

namespace cardea::control {
namespace {

using testing::HasSubstr;

constexpr std::chrono::milliseconds kPatience{60000};

Message echo(Message request) {
  return {.verb = Verb::kAnswer, .generation = request.generation, .body = "heard " + request.body};
}

struct PlanServerTest : testing::Test {
  ScratchFolder folder;
  std::string path = folder.file("plan.sock");
  PlanServer server = PlanServer::listen(path).value();

  // Serves until nothing is left to do.
  void serve() {
    for (int i = 0; i < 20; ++i) server.serve(echo);
  }
};

TEST_F(PlanServerTest, AnswersEachConnectionInTurn) {
  std::vector<FileDescriptor> peers;
  for (int i = 0; i < 3; ++i) peers.push_back(connect(path).value());
  for (uint64_t i = 0; i < 3; ++i)
    ASSERT_TRUE(send(peers[i].get(), {.verb = Verb::kAsk, .generation = i, .body = std::to_string(i)}));
  serve();
  for (uint64_t i = 0; i < 3; ++i) {
    const auto answer = receive(peers[i].get(), kPatience);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "heard " + std::to_string(i));
    EXPECT_EQ(answer->generation, i);
  }
}

// As from one process to another: both have the socket for a while.
TEST_F(PlanServerTest, AnotherTakesItsPlaceAndNobodyIsRefused) {
  const FileDescriptor before = connect(path).value();
  serve();
  PlanServer next = PlanServer::over(FileDescriptor(::dup(server.listener().get()))).value();
  const FileDescriptor waiting = connect(path).value();
  server.pass_on();
  EXPECT_FALSE(receive(before.get(), kPatience)) << "is told to come again";
  ASSERT_TRUE(send(waiting.get(), {.verb = Verb::kAsk, .body = "who"}));
  serve();
  ASSERT_TRUE(next.own());
  for (int i = 0; i < 20; ++i) next.serve(echo);
  EXPECT_EQ(receive(waiting.get(), kPatience)->body, "heard who");
  EXPECT_TRUE(connect(path));
}

TEST_F(PlanServerTest, APeerThatTalksNonsenseIsClosedAndHarmsNobody) {
  const FileDescriptor bad = connect(path).value(), good = connect(path).value();
  ASSERT_EQ(::send(bad.get(), "x", 1, MSG_NOSIGNAL), 1);
  ASSERT_TRUE(send(good.get(), {.verb = Verb::kAsk, .body = "me"}));
  serve();
  EXPECT_EQ(receive(good.get(), kPatience)->body, "heard me");
  const auto gone = receive(bad.get(), kPatience);
  ASSERT_FALSE(gone);
  EXPECT_THAT(gone.error().message, HasSubstr("closed"));
}

// What a process of this user and group heard: 0 an answer, 1 that it was closed.
int asks_as(const std::filesystem::path& path, uid_t user, gid_t group, PlanServer& server) {
  const auto ask = [&] {
    auto socket = connect(path.filename());
    if (!socket) return 100;
    if (!send(socket->get(), {.verb = Verb::kAsk, .body = "me"})) return 1;
    return receive(socket->get(), kPatience) ? 0 : 1;
  };
  return as_another(user, group, path.parent_path(), ask, [&] { server.serve(echo, 10); });
}

TEST_F(PlanServerTest, OnlyRootAndItsOwnKindMayHandOverPlans) {
  ASSERT_EQ(::geteuid(), 0u) << "tests of users are run as root";
  std::filesystem::permissions(std::filesystem::path(path).parent_path(), std::filesystem::perms::all);
  std::filesystem::permissions(path, std::filesystem::perms::all);  // the mode alone would keep most of them out
  constexpr uid_t kNobody = 65534;
  EXPECT_EQ(asks_as(path, kNobody, kNobody, server), 1) << "a stranger";
  EXPECT_EQ(asks_as(path, 0, kNobody, server), 0) << "root";
  EXPECT_EQ(asks_as(path, kNobody, ::getegid(), server), 0) << "another user of the daemons' group";
}

TEST_F(PlanServerTest, AnAnswerThatTakesItsTimeHoldsNobodyElseUp) {
  std::map<std::string, PlanServer::Ticket> asked;
  const auto serve_some = [&] {
    for (int i = 0; i < 20; ++i)
      server.serve_late([&](Message request, PlanServer::Ticket ticket) -> std::optional<Message> {
        if (!request.body.starts_with("hard")) return echo(std::move(request));
        EXPECT_TRUE(asked.emplace(request.body, ticket).second) << "asked again before it was answered";
        return std::nullopt;
      });
  };
  FileDescriptor slow = connect(path).value(), quick = connect(path).value(), gone = connect(path).value();
  ASSERT_TRUE(send(slow.get(), {.verb = Verb::kAsk, .body = "hard 1"}));
  ASSERT_TRUE(send(slow.get(), {.verb = Verb::kAsk, .body = "hard 2"}));
  ASSERT_TRUE(send(gone.get(), {.verb = Verb::kAsk, .body = "hard 3"}));
  ASSERT_TRUE(send(gone.get(), {.verb = Verb::kAsk, .body = "hard 4"}));
  ASSERT_TRUE(send(quick.get(), {.verb = Verb::kAsk, .body = "easy"}));
  serve_some();
  EXPECT_EQ(receive(quick.get(), kPatience)->body, "heard easy");
  EXPECT_EQ(asked.size(), 2u) << "one at a time from each connection";
  gone = {};
  serve_some();
  EXPECT_FALSE(asked.contains("hard 4")) << "nobody waits for it any more";
  server.reply(asked["hard 3"], {.verb = Verb::kAnswer, .body = "to nobody"});
  server.reply(asked["hard 1"], {.verb = Verb::kAnswer, .body = "one"});
  EXPECT_EQ(receive(slow.get(), kPatience)->body, "one");
  serve_some();
  server.reply(asked["hard 2"], {.verb = Verb::kAnswer, .body = "two"});
  EXPECT_EQ(receive(slow.get(), kPatience)->body, "two");
  server.reply(asked["hard 1"], {.verb = Verb::kAnswer, .body = "again"});
  EXPECT_FALSE(receive(slow.get(), std::chrono::milliseconds(0))) << "a ticket is good for one answer";
}

TEST_F(PlanServerTest, APeerWhoseEndWasFoundByAnothersAnswerIsNotLookedForAgain) {
  PlanServer::Ticket waiting = 0;
  FileDescriptor gone = connect(path).value();
  const FileDescriptor asks = connect(path).value();
  ASSERT_TRUE(send(gone.get(), {.verb = Verb::kAsk, .body = "later"}));
  const auto answer = [&](Message request, PlanServer::Ticket ticket) -> std::optional<Message> {
    if (request.body == "later") return waiting = ticket, std::nullopt;
    server.reply(waiting, {.verb = Verb::kAnswer, .body = "to nobody"});
    return echo(std::move(request));
  };
  for (int i = 0; i < 3; ++i) server.serve_late(answer);
  ASSERT_NE(waiting, 0u);
  ASSERT_TRUE(send(asks.get(), {.verb = Verb::kAsk, .body = "me"}));  // the first event, the other's end the second
  gone = {};
  server.serve_late(answer);
  EXPECT_EQ(receive(asks.get(), kPatience)->body, "heard me");
}

TEST_F(PlanServerTest, AConnectionIsEndedThoughAForkedProcessHasItOpen) {
  FileDescriptor peer = connect(path).value();
  serve();
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // also when an assertion ends this test
    peer = {};
    ::raise(SIGSTOP);
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, WUNTRACED), child);
  peer = {};
  serve();
  pollfd readable{.fd = server.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&readable, 1, 0), 0) << "whoever polls it would turn in circles";
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST_F(PlanServerTest, WithoutADescriptorAPeerWaitsAndNothingSpins) {
  const FileDescriptor peer = connect(path).value();
  ASSERT_TRUE(send(peer.get(), {.verb = Verb::kAsk, .body = "me"}));
  log::warning("every type is used once before: {}", fail_errno("accept", EMFILE).error().message);
  {
    const DescriptorsLeft none(0);
    serve();
  }
  pollfd readable{.fd = server.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&readable, 1, 0), 0) << "whoever polls it would turn in circles";
  ASSERT_EQ(::poll(&readable, 1, 60000), 1);
  serve();
  EXPECT_EQ(receive(peer.get(), kPatience)->body, "heard me");
}

TEST_F(PlanServerTest, MoreConnectionsThanTheLimitAreClosed) {
  std::vector<FileDescriptor> peers;
  for (size_t i = 0; i < PlanServer::kConnectionsMax + 1; ++i) peers.push_back(connect(path).value());
  serve();
  EXPECT_FALSE(receive(peers.back().get(), kPatience));
  ASSERT_TRUE(send(peers.front().get(), {.verb = Verb::kAsk, .body = "first"}));
  serve();
  EXPECT_EQ(receive(peers.front().get(), kPatience)->body, "heard first");
}

TEST(PlanFile, IsReadWhole) {
  const ScratchFolder folder;
  std::ofstream(folder.file("plan"), std::ios::binary) << std::string(100'000, 'p');
  const auto content = read_plan_file(folder.file("plan"), 100'000);
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(content->size(), 100'000u);
  EXPECT_EQ(content->back(), std::byte{'p'});
}

TEST(PlanFile, ThatIsMissingOrTooLargeIsAnErrorThatNamesIt) {
  const ScratchFolder folder;
  std::ofstream(folder.file("plan")) << "12345";
  EXPECT_THAT(read_plan_file(folder.file("plan"), 4).error().message, HasSubstr(folder.file("plan")));
  EXPECT_THAT(read_plan_file(folder.file("other"), 4).error().message, HasSubstr("other: No such file"));
}

}  // namespace
}  // namespace cardea::control
