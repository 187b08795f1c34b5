#include "mgmt/event_loop.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace cardea::mgmt {
namespace {

using std::chrono::milliseconds;

TEST(EventLoop, DoesWorkInOrderAndLaterWorkWhenItIsDue) {
  EventLoop loop;
  std::vector<int> done;
  const auto began = EventLoop::Clock::now();
  auto waited = EventLoop::Clock::duration::zero();
  loop.post_after(milliseconds(20), [&] {
    waited = EventLoop::Clock::now() - began;
    done.push_back(3);
    loop.stop();
  });
  loop.post([&] { done.push_back(1); });
  loop.post([&] { done.push_back(2); });
  loop.run();
  EXPECT_EQ(done, (std::vector{1, 2, 3}));
  EXPECT_GE(waited, milliseconds(20));
}

TEST(EventLoop, AnswersQuestionsOfOtherThreads) {
  EventLoop loop;
  std::jthread runner([&] { loop.run(); });
  EXPECT_EQ(loop.ask([] { return 42; }).get(), 42);
  EXPECT_EQ(loop.ask([&] { return std::this_thread::get_id(); }).get(), runner.get_id());
  loop.stop();
}

TEST(EventLoop, QuestionsAfterItsEndAreBrokenPromises) {
  EventLoop loop;
  loop.stop();
  loop.run();
  EXPECT_TRUE(loop.stopped());
  EXPECT_THROW(loop.ask([] { return 1; }).get(), std::future_error);
}

}  // namespace
}  // namespace cardea::mgmt
