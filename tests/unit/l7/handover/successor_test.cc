// Who is at the other end may be anybody: what fails is said, and in time.
#include "l7/handover/successor.h"

#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <chrono>

namespace cardea::l7::handover {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct SuccessorTest : testing::Test {
  static FileDescriptor some_descriptor() { return FileDescriptor(::eventfd(0, EFD_CLOEXEC)); }
  Ends ends = make_ends().value();
  const Offer offer{.plan_socket = some_descriptor(), .log = some_descriptor(), .sockets = {}};
};

TEST_F(SuccessorTest, OneThatHasGoneIsOfferedNothing) {
  ends.successor.close();
  EXPECT_FALSE(Successor::greet(std::move(ends.predecessor), offer, Instant{}));
}

TEST_F(SuccessorTest, OneThatEndsIsHeardOf) {
  Successor it = Successor::greet(std::move(ends.predecessor), offer, Instant{}).value();
  EXPECT_FALSE(it.look(Instant{}).has_value());
  ends.successor.close();
  EXPECT_THAT(it.look(Instant{})->error().message, HasSubstr("has gone"));
}

TEST_F(SuccessorTest, OneThatSaysNothingIsGivenUpInTime) {
  Successor it = Successor::greet(std::move(ends.predecessor), offer, Instant{}).value();
  EXPECT_FALSE(it.look(Instant{} + 29s).has_value());
  EXPECT_THAT(it.look(Instant{} + 30s)->error().message, HasSubstr("in time"));
}

TEST_F(SuccessorTest, OneThatServesIsToldThatItDoesSoAlone) {
  Successor it = Successor::greet(std::move(ends.predecessor), offer, Instant{}).value();
  ASSERT_TRUE(receive_offer(ends.successor.get()));
  ASSERT_TRUE(send_serving(ends.successor.get(), {.pid = 4711, .taken = {}}));
  EXPECT_EQ(it.look(Instant{} + 31s)->value().pid, 4711) << "late, and not too late";
  ASSERT_TRUE(it.let_go());
  EXPECT_TRUE(receive_yours(ends.successor.get()));
}

TEST_F(SuccessorTest, OneThatTalksNonsenseIsNone) {
  Successor it = Successor::greet(std::move(ends.predecessor), offer, Instant{}).value();
  ASSERT_EQ(::send(ends.successor.get(), "y", 1, MSG_NOSIGNAL), 1);
  EXPECT_THAT(it.look(Instant{})->error().message, HasSubstr("does not speak"));
}

}  // namespace
}  // namespace cardea::l7::handover
