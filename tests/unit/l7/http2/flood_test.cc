// Clients that make a connection work without getting anywhere: each kind is told that it is too much, its connection
// ends, it is counted and logged, and until then it cost no more than it may.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include "l7/http2/floods.h"
#include "tests/unit/l7/http2/client.h"
#include "tests/unit/l7/http2/raw.h"

namespace cardea::l7::http2::test {
namespace {

using namespace std::chrono_literals;
using proxy::test::ok;
using proxy::test::Peer;
using proxy::test::run_until;
using proxy::test::settle;
using proxy::test::Site;

TEST(Budget, RefillsAndNeverHoldsMoreThanItsBurst) {
  Budget budget(3, 100ms);
  Instant now{1h};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.spend(now));
  EXPECT_FALSE(budget.spend(now));
  now += 99ms;
  EXPECT_FALSE(budget.spend(now));
  now += 1ms;
  EXPECT_TRUE(budget.spend(now));
  EXPECT_FALSE(budget.spend(now));
  now += 1h;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budget.spend(now));
  EXPECT_FALSE(budget.spend(now));
}

TEST(Budget, RefillsHoweverOftenItIsAsked) {
  Budget budget(1, 100ms);
  Instant now{1h};
  int got = 0;
  for (int i = 0; i < 1000; ++i, now += 10ms) got += budget.spend(now);
  EXPECT_EQ(got, 100);
}

struct Flood : testing::Test {
  Site site{[](image::PlanT& plan) { plan.services[0]->http2 = true; }};
  Peer peer{site.client("shop")};
  std::string came;
  std::vector<Frame> frames;

  // Sends it again and again until the connection ends; how often that was.
  size_t until_it_ends(const std::function<std::string(size_t)>& what, size_t most) {
    size_t sent = 0;
    while (sent < most && !look()) peer.send(what(sent++)), site.loop().run_turn(0ms);
    run_until(site.loop(), [&] { return sent < most ? look() : true; });
    return sent;
  }
  bool look() {
    const bool ended = peer.ended();
    came += peer.what_came();
    for (Frame& frame : take_frames(came)) frames.push_back(std::move(frame));
    return ended;
  }
  void expect_end(const std::string& what) {
    const Frame* goaway = nullptr;
    for (const Frame& frame : frames) {
      if (frame.type == kGoaway) goaway = &frame;
    }
    ASSERT_TRUE(goaway);
    EXPECT_EQ(goaway->word(4), uint32_t(NGHTTP2_ENHANCE_YOUR_CALM));
    EXPECT_EQ(site.value("cardea_l7_service_http2_floods_total", "shop"), 1u);
    for (nlohmann::json line = site.log_line(); true; line = site.log_line()) {
      if (line["reason"] != "http2_flood") continue;
      EXPECT_EQ(line["detail"], what);
      break;
    }
    EXPECT_TRUE(run_until(site.loop(), [&] { return site.buffers_lent() == 0; }));
  }
};

// CVE-2023-44487.
TEST_F(Flood, RapidResets) {
  peer.send(preface());
  const auto reset = [](size_t i) { return headers(2 * i + 1) + frame(kRstStream, 0, 2 * i + 1, number(8, 4)); };
  EXPECT_LE(until_it_ends(reset, 2000), 300u);
  expect_end("resets");
}

// What is reset makes room at once, and is over at its backend.
TEST_F(Flood, ResetsWithinTheirBudgetAreNoFlood) {
  std::string all = preface();
  for (uint32_t i = 0; i < 90; ++i) all += headers(2 * i + 1) + frame(kRstStream, 0, 2 * i + 1, number(8, 4));
  for (uint32_t i = 90; i < 190; ++i) all += headers(2 * i + 1);
  peer.send(all);
  for (int i = 0; i < 100; ++i) site.origin().accept();
  look();
  EXPECT_TRUE(std::ranges::none_of(frames, [](const Frame& frame) { return frame.type == kRstStream; }));
  EXPECT_TRUE(site.origin().nobody_called());
  EXPECT_EQ(site.value("cardea_l7_service_http2_floods_total", "shop"), 0u);
}

// CVE-2025-8671: what makes us reset.
TEST_F(Flood, ProvokedResets) {
  peer.send(preface());
  const auto provoke = [](size_t i) {
    return headers(2 * i + 1, request_block("/", "POST") + field("content-length", "1"));
  };
  EXPECT_LE(until_it_ends(provoke, 2000), 200u);
  expect_end("provoked_resets");
}

TEST_F(Flood, Pings) {
  peer.send(preface());
  EXPECT_LE(until_it_ends([](size_t) { return frame(kPing, 0, 0, "12345678"); }, 2000), 200u);
  expect_end("pings");
}

TEST_F(Flood, Settings) {
  peer.send(preface());
  EXPECT_LE(until_it_ends([](size_t) { return frame(kSettings, 0, 0, setting(4, 65'535)); }, 2000), 100u);
  expect_end("settings");
}

// CVE-2019-9518.
TEST_F(Flood, EmptyData) {
  peer.send(preface() + headers(1, request_block("/", "POST"), kEndHeaders));
  EXPECT_LE(until_it_ends([](size_t) { return frame(kData, 0, 1, ""); }, 2000), 300u);
  expect_end("empty_data");
}

TEST_F(Flood, BytesThatCarryNothing) {
  std::string updates;
  for (int i = 0; i < 1000; ++i) updates += frame(kPriority, 0, 3, number(0, 4) + number(15, 1));
  peer.send(preface() + headers(1));
  EXPECT_LE(until_it_ends([&](size_t) { return updates; }, 5000), 700u);  // 14 KB each; 8 MB in all
  expect_end("overhead");
}

// CVE-2024-28182: a head that never ends.
TEST_F(Flood, Continuations) {
  peer.send(preface() + headers(1, request_block(), 0));
  EXPECT_LE(
      until_it_ends([](size_t i) { return frame(kContinuation, 0, 1, field("x-" + std::to_string(i), "v")); }, 500),
      100u);
}

// A field of one byte on the wire that stands for thousands.
TEST_F(Flood, AHeadThatUnpacksToMuchMoreThanItIs) {
  const std::string indexed = number(0x40, 1) + number(6, 1) + "x-bomb" + number(0x7f, 1) +
                              number(0x80 | (3000 - 127) % 128, 1) + number((3000 - 127) / 128, 1) +
                              std::string(3000, 'x');
  peer.send(preface() + headers(1, request_block() + indexed + std::string(5000, '\xbe')));
  EXPECT_TRUE(run_until(site.loop(), [&] { return look(); }));
  expect_end("fields");
}

// Many streams, each with a window that stays shut: what their answers hold is bounded, and they are given up.
TEST_F(Flood, WindowsThatStayShut) {
  std::string all = preface(setting(4, 0));
  for (uint32_t i = 0; i < 50; ++i) all += headers(2 * i + 1);
  peer.send(all);
  std::vector<Peer> backends;
  for (int i = 0; i < 50; ++i) backends.push_back(site.origin().accept());
  for (Peer& backend : backends) {
    backend.head();
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(60'000, 'x'));
  }
  settle(site.loop());
  EXPECT_LE(site.buffers_lent(), 50u * (2 * 16'384 + 2048));  // of each its head, what is read and what is to go out
  site.advance(31s);
  EXPECT_TRUE(run_until(site.loop(), [&] { return site.buffers_lent() == 0; }));
  EXPECT_EQ(site.value("cardea_l7_service_slow_clients_total", "shop"), 50u);
}

// Buffers that hold what nobody takes are not kept from those who would take it.
TEST(Stalled, CallsGiveWayToWhoFindsNoBuffer) {
  Site site([](image::PlanT& plan) {
    plan.services[0]->http2 = true;
    plan.settings->buffer_bytes_max = 20 * 16'384;
  });
  Peer hog = site.client("shop");
  std::string all = preface(setting(4, 0));
  for (uint32_t i = 0; i < 12; ++i) all += headers(2 * i + 1);
  hog.send(all);
  std::vector<Peer> backends;
  for (int i = 0; i < 12; ++i) backends.push_back(site.origin().accept());
  for (Peer& backend : backends) {
    backend.head();
    backend.send_what_fits("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(60'000, 'x'));
  }
  settle(site.loop());
  ASSERT_GE(site.buffers_lent(), 16u * 16'384);
  Peer early = site.client("shop");  // who has only just begun to wait is no reason yet
  early.send(proxy::test::get("/"));
  EXPECT_THAT(early.rest(), testing::HasSubstr("memory"));
  site.advance(1s);
  Peer late = site.client("shop");
  late.send(proxy::test::get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("served"));
  EXPECT_THAT(late.message(), testing::HasSubstr("served"));
  EXPECT_GE(site.value("cardea_l7_stalled_ended_total"), 1u);
  EXPECT_FALSE(hog.ended());
}

// A client that never reads its socket: its connection ends, with all that is on it.
TEST_F(Flood, ASocketThatIsNeverRead) {
  peer.hold_little();
  std::string all = preface(setting(4, 0x7fffffff)) + frame(kWindowUpdate, 0, 0, number(0x7fff0000, 4));
  for (uint32_t i = 0; i < 20; ++i) all += headers(2 * i + 1);
  peer.send(all);
  std::vector<Peer> backends;
  for (int i = 0; i < 20; ++i) backends.push_back(site.origin().accept());
  for (Peer& backend : backends) {
    backend.head();
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
    backend.send_what_fits(std::string(1'000'000, 'x'));
  }
  settle(site.loop());
  site.advance(31s);
  site.advance(31s);
  EXPECT_TRUE(run_until(site.loop(), [&] { return site.buffers_lent() == 0; }));
  EXPECT_EQ(site.value("cardea_l7_connections"), 0u);
}

// A head that is begun and not ended holds memory, as one by HTTP/1 does.
struct OpenHead : testing::Test {
  Peer begin(std::string_view its_block) {
    Peer peer = site.client("shop");
    peer.send(preface() + headers(1, its_block, kEndStream));
    settle(site.loop());
    return peer;
  }
  void expect_service() {
    Peer plain = site.client();
    plain.send(proxy::test::get("/"));
    Peer backend = site.origin().accept();
    backend.message();
    backend.send(ok("served"));
    EXPECT_THAT(plain.message(), testing::HasSubstr("served"));
  }
  static constexpr size_t kBound = 16 * 16384;
  Site site{[](image::PlanT& plan) {
    plan.services[0]->http2 = true;
    plan.settings->buffer_bytes_max = kBound;
  }};
};

std::string whole_fields(size_t bytes) {
  std::string block = request_block();
  for (int i = 0; block.size() < bytes; ++i) block += field("x-" + std::to_string(i), std::string(120, 'v'));
  return block;
}

// The first bytes of a field of 14,000.
std::string part_of_a_field(size_t bytes) {
  return request_block() + number(0, 1) + number(1, 1) + "x" + number(0x7f, 1) +
         number(0x80 | (14'000 - 127) % 128, 1) + number((14'000 - 127) / 128, 1) + std::string(bytes, 'v');
}

TEST_F(OpenHead, IsHeldOfTheBuffersAndGivenBack) {
  for (const std::string& block : {whole_fields(10'000), part_of_a_field(10'000)}) {
    Peer peer = begin(block);
    EXPECT_EQ(site.buffers_lent(), 16'384u);
    peer.abort();
    settle(site.loop());
    EXPECT_EQ(site.buffers_lent(), 0u);
  }
}

TEST_F(OpenHead, IsNoLongerHeldOnceItIsWhole) {
  Peer peer = begin(whole_fields(10'000));
  peer.send(frame(kContinuation, kEndHeaders, 1));
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.message(), testing::HasSubstr("x-50: vvv"));
  EXPECT_LT(site.buffers_lent(), 2 * 16'384u) << "its request is in one";
  backend.send(ok("served"));
  settle(site.loop());
  EXPECT_EQ(site.buffers_lent(), 0u) << "the connection idles";
}

TEST_F(OpenHead, GivesWayWhenItIsTheOldest) {
  Peer first = begin(part_of_a_field(10'000)), second = begin(part_of_a_field(10'000));
  std::vector<Peer> others;
  while (site.buffers_lent() < kBound / 4 * 3) {
    others.push_back(site.client());
    others.back().send("G");
    settle(site.loop());
  }
  expect_service();
  std::string came = first.rest();
  const std::vector<Frame> frames = take_frames(came);
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back().type, kGoaway);
  EXPECT_EQ(frames.back().word(4), uint32_t(NGHTTP2_ENHANCE_YOUR_CALM));
  EXPECT_EQ(site.log_line()["reason"], "memory");
  EXPECT_EQ(site.value("cardea_l7_heads_ended_total"), 1u);
  EXPECT_EQ(site.value("cardea_l7_memory_refused_total"), 1u);
  EXPECT_FALSE(second.ended());
  EXPECT_TRUE(others[0].silent());
}

// One that finds no memory for what came ends older ones for it, in the end itself.
TEST_F(OpenHead, OfManyTheOldestGiveWayAndOthersAreServed) {
  std::vector<Peer> holders;
  for (int i = 0; i < 300; ++i) {
    holders.push_back(begin(part_of_a_field(14'000 - 200)));
    EXPECT_LE(site.buffers_lent(), kBound / 4 * 3);
    site.advance(10ms);
    if (i % 30 == 29) expect_service();
  }
  EXPECT_GE(site.value("cardea_l7_heads_ended_total"), 280u);
  EXPECT_TRUE(holders[0].ended());
  EXPECT_FALSE(holders.back().ended());
  holders.clear();
  settle(site.loop());
  EXPECT_EQ(site.buffers_lent(), 0u);
}

TEST_F(OpenHead, IsEndedWhenARequestsTimeIsOver) {
  Peer slow = begin(request_block());
  for (int i = 0; i < 4; ++i) {
    slow.send(frame(kContinuation, 0, 1, field("x", "v")));
    settle(site.loop());
    EXPECT_FALSE(slow.ended()) << i;
    site.advance(3s);
  }
  EXPECT_TRUE(slow.ended());
  EXPECT_EQ(site.value("cardea_l7_service_slow_clients_total", "shop"), 1u);
  EXPECT_EQ(site.buffers_lent(), 0u);
}

}  // namespace
}  // namespace cardea::l7::http2::test
