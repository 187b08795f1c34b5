// Questions under way: how many, and who waits for whom.
#include "l7/control/ocsp_asker.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <thread>

namespace cardea::l7 {
namespace {

using namespace std::chrono_literals;

OcspAsker::Question about(const std::string& responder) {
  auto certificate = std::make_shared<tls::Certificate>();
  certificate->responder = responder;
  return {certificate, "question"};
}

std::vector<OcspAsker::Question> wait_for(OcspAsker& asker, size_t count) {
  std::vector<OcspAsker::Question> all;
  while (all.size() < count) {
    for (auto& one : asker.take_answers()) all.push_back(std::move(one));
    std::this_thread::sleep_for(1ms);
  }
  return all;
}

struct Responders {
  std::atomic<bool> held = true;
  std::atomic<int> asked = 0;
  OcspAsker asker{[this](const std::string& url, std::string_view, int) -> OcspAnswer {
    ++asked;
    while (url != "quick" && held) std::this_thread::sleep_for(1ms);
    if (url == "away") return std::unexpected(NoOcspAnswer{"nobody answers", true});
    if (url == "odd") return std::unexpected(NoOcspAnswer{"404"});
    return "answer of " + url;
  }};
  ~Responders() { held = false; }
};

TEST(OcspAsker, OneThatIsSlowHoldsNoOtherUp) {
  Responders it;
  for (size_t i = 0; i < OcspAsker::kOpenOfOneMax; ++i) it.asker.ask(about("slow"));
  EXPECT_FALSE(it.asker.has_room("slow"));
  EXPECT_TRUE(it.asker.has_room("quick"));
  it.asker.ask(about("quick"));
  const auto first = wait_for(it.asker, 1);
  EXPECT_EQ(*first[0].answer, "answer of quick");
  it.held = false;
  EXPECT_EQ(wait_for(it.asker, OcspAsker::kOpenOfOneMax).size(), OcspAsker::kOpenOfOneMax);
  EXPECT_TRUE(it.asker.has_room("slow"));
}

TEST(OcspAsker, SoManyAreOpenAndNoMore) {
  Responders it;
  for (size_t i = 0; i < OcspAsker::kOpenMax; ++i) it.asker.ask(about("slow"));
  EXPECT_FALSE(it.asker.has_room("quick"));
  it.held = false;
  wait_for(it.asker, OcspAsker::kOpenMax);
  EXPECT_TRUE(it.asker.has_room("quick"));
}

TEST(OcspAsker, WhoIsAwayIsNotAskedTheRestWhoAnswersNonsenseIs) {
  for (const std::string responder : {"away", "odd"}) {
    Responders it;
    for (int i = 0; i < 5; ++i) it.asker.ask(about(responder));
    it.held = false;
    for (const auto& one : wait_for(it.asker, 5)) EXPECT_EQ(one.answer.error().away, responder == "away");
    EXPECT_EQ(it.asked, responder == "away" ? 1 : 5);
  }
}

TEST(OcspAsker, TellsWhoWaitsToStop) {
  std::atomic<bool> asked = false, told = false;
  {
    OcspAsker asker([&](const std::string&, std::string_view, int stop) -> OcspAnswer {
      asked = true;
      pollfd watched{stop, POLLIN, 0};
      told = ::poll(&watched, 1, 60'000) == 1;
      return std::unexpected(NoOcspAnswer{"this process ends", true});
    });
    asker.ask(about("any"));
    while (!asked) std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace cardea::l7
