// Answers of OCSP that are fetched, kept, renewed and given up; the responder is a function of the test's.
#include "l7/control/stapler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "l7/tls/pem.h"
#include "tests/unit/base/scratch_folder.h"
#include "tests/unit/l7/tls/authority.h"

namespace cardea::l7 {
namespace {

using namespace std::chrono_literals;
using Status = tls::Authority::Status;

struct StaplerTest : testing::Test {
  StaplerTest() {
    authority.issue("shop", {.names = {"shop.example"}, .responder = "http://ocsp.example/", .with_issuer = true});
    plan.services = {serving("fetch")};
    start();
  }
  std::shared_ptr<ServicePlan> serving(const std::string& ocsp) {
    tls::KeyReader keys{nullptr};
    certificate = *tls::load_certificate("shop", authority.path("shop.crt"), authority.path("shop.key"), keys, ocsp);
    auto service = std::make_shared<ServicePlan>();
    service->certificates = {certificate};
    return service;
  }
  void start() {
    stapler.reset();
    stapler = std::make_unique<Stapler>(kept(), 7, [this](const std::string& url, std::string_view, int) -> OcspAnswer {
      EXPECT_EQ(url, "http://ocsp.example/");
      ++asked;
      if (away) return std::unexpected(NoOcspAnswer{"nobody answers", true});
      return authority.ocsp_answer(*certificate, status, made, life);
    });
  }
  std::string kept() const { return folder.file("ocsp"); }
  void tick(std::chrono::seconds later = 0s) { stapler->tick(plan, now += later, today += later); }
  // Until so many questions were asked, and their answers taken.
  void until_asked(int times) {
    while (asked < times) tick(), std::this_thread::yield();
    for (int i = 0; i < 100; ++i) tick(), std::this_thread::sleep_for(1ms);
  }
  bool stapled() const { return certificate->staple->get(today) != nullptr; }

  ScratchFolder folder;
  tls::Authority authority;
  std::shared_ptr<const tls::Certificate> certificate;
  LivePlan plan;
  std::atomic<int> asked = 0;
  std::atomic<bool> away = false;
  Status status = Status::kGood;
  int made = -60, life = 7200;
  Instant now = monotonic_now();
  tls::Staple::Time today = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  std::unique_ptr<Stapler> stapler;
};

TEST_F(StaplerTest, FetchesKeepsAndRenewsInTime) {
  until_asked(1);
  EXPECT_TRUE(stapled());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(kept()), {}), 1);
  tick(3000s);
  EXPECT_EQ(asked, 1) << "half of its time is not over";
  tick(700s);
  until_asked(2);
  EXPECT_EQ(stapler->figures().failures, 0u);
}

TEST_F(StaplerTest, AResponderThatIsAwayIsNotMissedUntilItsAnswerEnds) {
  until_asked(1);
  away = true;
  tick(3700s);
  until_asked(2);
  EXPECT_TRUE(stapled());
  EXPECT_EQ(certificate->staple->problem(), "nobody answers");
  tick(5s);
  EXPECT_EQ(asked, 2) << "it is not asked at once again";
  tick(3600s);
  EXPECT_FALSE(stapled());
  EXPECT_EQ(certificate->staple->get(), nullptr);
  EXPECT_GE(stapler->figures().failures, 1u);
}

TEST_F(StaplerTest, ARestartStaplesWhatWasKept) {
  until_asked(1);
  plan.services = {serving("fetch")};  // as a new process reads it
  away = true;
  start();
  tick();
  EXPECT_TRUE(stapled());
  EXPECT_EQ(asked, 1);
}

TEST_F(StaplerTest, ARevokedCertificateIsNotStapledAnyMoreNorAfterARestart) {
  until_asked(1);
  status = Status::kRevoked;
  tick(3700s);
  until_asked(2);
  EXPECT_FALSE(stapled());
  EXPECT_EQ(certificate->staple->problem(), "it is revoked");
  plan.services = {serving("fetch")};
  away = true;
  start();
  until_asked(3);
  EXPECT_FALSE(stapled());
}

TEST_F(StaplerTest, AResponderThatGivesOutWhatItMadeLongAgoIsNotAskedAllTheTime) {
  made = -7200, life = 3600;
  until_asked(1);
  EXPECT_TRUE(stapled());
  tick(1500s);
  EXPECT_EQ(asked, 1);
  tick(400s);
  until_asked(2);
}

TEST_F(StaplerTest, WhoNamesNoResponderIsNotAskedAboutAndIsNoFailure) {
  authority.issue("shop", {.names = {"shop.example"}, .with_issuer = true});
  plan.services = {serving("fetch")};
  for (int i = 0; i < 20; ++i) tick(60s), std::this_thread::sleep_for(1ms);
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(stapler->figures().failures, 0u);
  EXPECT_EQ(tls::staple_warning(*certificate, today), "");
}

TEST_F(StaplerTest, WhatIsKeptOfCertificatesThatAreGoneIsRemoved) {
  until_asked(1);
  std::ofstream(kept() + "/of-somebody-else.der") << "x";
  plan.services.clear();
  tick(90'000s);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(kept()), {}), 1);
}

TEST_F(StaplerTest, AnOperatorsFileIsReadWhenItChanges) {
  const std::string file = folder.file("shop.der");
  plan.services = {serving(file)};
  tick();
  EXPECT_FALSE(stapled());
  std::ofstream(file) << authority.ocsp_answer(*certificate);
  tick(1s);
  EXPECT_FALSE(stapled()) << "it is looked at every five seconds";
  tick(5s);
  EXPECT_TRUE(stapled());
  std::ofstream(file) << "nonsense";
  tick(5s);
  EXPECT_TRUE(stapled()) << "what was read before is stapled until it ends";
  std::ofstream(file) << authority.ocsp_answer(*certificate, Status::kRevoked);
  tick(5s);
  EXPECT_FALSE(stapled());
  EXPECT_EQ(asked, 0);
}

TEST_F(StaplerTest, AnOldGoodAnswerDoesNotUndoARevocation) {
  until_asked(1);
  status = Status::kRevoked;
  tick(3700s);
  until_asked(2);
  status = Status::kGood;  // made an hour ago
  tick(700s);
  until_asked(3);
  EXPECT_FALSE(stapled());
  EXPECT_EQ(certificate->staple->problem(), "the answer is older than the one that says it is revoked");
  made = 5000;
  tick(700s);
  until_asked(4);
  EXPECT_TRUE(stapled()) << "it was only on hold";
}

TEST_F(StaplerTest, AnOlderAnswerDoesNotReplaceANewerOne) {
  life = 7200;
  until_asked(1);
  const auto first = certificate->staple->get();
  made = -3000;
  tick(3700s);
  until_asked(2);
  EXPECT_EQ(certificate->staple->get(), first);
}

TEST_F(StaplerTest, WhatAClockThatWasSetEndsIsAskedForAtOnce) {
  until_asked(1);
  today += 7300s;
  tick();
  EXPECT_FALSE(stapled());
  until_asked(2);
}

TEST_F(StaplerTest, AnOperatorsFileIsReadAgainWhenTheClockIsRight) {
  const std::string file = folder.file("shop.der");
  plan.services = {serving(file)};
  std::ofstream(file) << authority.ocsp_answer(*certificate);
  today -= 24h;
  tick();
  EXPECT_FALSE(stapled()) << "it begins tomorrow";
  today += 24h;
  tick(5s);
  EXPECT_TRUE(stapled());
}

TEST_F(StaplerTest, WhatHasLeftThePlanIsAskedForNoMore) {
  until_asked(1);
  plan.services.clear();
  tick(8000s);
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace cardea::l7
