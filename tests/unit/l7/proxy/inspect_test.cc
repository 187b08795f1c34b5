// Requests that a web application firewall sees first. The test is its worker: what that is told of a request, and what
// becomes of requests that it refuses, has no word on, or is not there for.
#include "l7/proxy/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "l7/waf/message.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using waf::Outcome;
using waf::Verdict;

using Change = std::function<void(settings::WafT&)>;

// One question, from its arrival to its answer.
class Asked {
 public:
  Asked(Loop& loop, FileDescriptor socket) : loop_(loop), socket_(std::move(socket)) {
    EXPECT_TRUE(run_until(loop_, [this] { return is_whole(); }));
    const auto head = waf::read_head(bytes_, waf::kQuestionMax);
    const auto read = waf::read_question(std::string_view(bytes_).substr(waf::kHeadBytes));
    EXPECT_TRUE(read);
    question = *read;
  }

  void begin() { say(waf::begun()); }
  void answer(const Verdict& verdict) {
    begin();
    say(waf::write(verdict));
  }
  void say(std::string_view text) {
    EXPECT_EQ(::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL), ssize_t(text.size()));
    settle(loop_);
  }
  bool left() {
    settle(loop_);
    pollfd end{.fd = socket_.get(), .events = POLLRDHUP, .revents = 0};
    return ::poll(&end, 1, 0) > 0;
  }
  void die() {
    socket_.close();
    settle(loop_);
  }

  waf::Question question;

 private:
  bool is_whole() {
    std::array<char, 65536> more;
    for (ssize_t size = 0; (size = ::recv(socket_.get(), more.data(), more.size(), MSG_DONTWAIT)) > 0;) bytes_.append(more.data(), size_t(size));
    const auto head = waf::read_head(bytes_, waf::kQuestionMax);
    return head && bytes_.size() == waf::kHeadBytes + head->size;
  }

  Loop& loop_;
  FileDescriptor socket_;
  std::string bytes_;
};

struct WafSite {
  explicit WafSite(const Change& change = {}) : site([&change](image::PlanT& plan) { inspect_all(plan, change); }), client(site.client()) { listen(8); }

  static void inspect_all(image::PlanT& plan, const Change& change) {
    for (auto& route : plan.services[0]->routes) {
      route->policies = std::make_unique<settings::PoliciesT>();
      route->policies->waf = std::make_unique<settings::WafT>();
      if (change) change(*route->policies->waf);
    }
  }

  void listen(int queue) {
    socket = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strcpy(at.sun_path, site.folder.file("waf.sock").c_str());
    ::unlink(at.sun_path);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    ASSERT_EQ(::listen(socket.get(), queue), 0);
  }
  bool waits() {
    pollfd end{.fd = socket.get(), .events = POLLIN, .revents = 0};
    return ::poll(&end, 1, 0) > 0;
  }
  bool is_asked() {
    settle(site.loop());
    return waits();
  }
  Asked ask() {
    EXPECT_TRUE(run_until(site.loop(), [this] { return waits(); }));
    return {site.loop(), FileDescriptor(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC))};
  }
  // The next question is answered so; what it was.
  std::string pass(const Verdict& verdict = {.outcome = Outcome::kPass}) {
    Asked asked = ask();
    asked.answer(verdict);
    return std::string(asked.question.body);
  }
  // What the backend was sent; its client has its answer.
  std::string relayed() {
    if (!behind) behind.emplace(site.origin().accept());
    std::string seen = behind->message();
    behind->send(ok("x"));
    EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 200 "));
    return seen;
  }
  uint64_t counted(const char* what) { return site.value(std::string("cardea_l7_service_waf_") + what + "_total", "service=\"shop\""); }

  Site site;
  Peer client;
  FileDescriptor socket;
  std::optional<Peer> behind;
};

const Verdict kMatch{.outcome = Outcome::kMatch, .score = 10, .micros = 700, .rules_count = 2, .rules = {942100, 942190}};

TEST(Inspect, AWorkerIsToldAllOfTheHead) {
  WafSite test([](auto& waf) { waf.exclude = {"942100", "920000-920999"}, waf.paranoia = 2; });
  test.client.send(get("/a%20b?c=d", "User-Agent: curl\r\nCookie: s=1\r\n"));
  Asked asked = test.ask();
  const waf::Question& q = asked.question;
  EXPECT_EQ(q.method, "GET");
  EXPECT_EQ(q.uri, "/a%20b?c=d");
  EXPECT_EQ(q.version, "1.1");
  EXPECT_EQ(q.client, "127.0.0.1");
  EXPECT_EQ(q.headers.size(), 3u);
  EXPECT_EQ(q.headers[1].value, "curl");
  EXPECT_EQ(q.terms.time_max_ms, 500u);
  EXPECT_EQ(q.terms.removed.size(), 2u);
  EXPECT_EQ(q.terms.variables[0].value, "2");
  asked.answer({.outcome = Outcome::kPass, .micros = 812});
  test.relayed();
  const auto line = test.site.log_line();
  EXPECT_EQ(line["waf"], "pass");
  EXPECT_EQ(test.counted("inspected"), 1u);
  EXPECT_EQ(test.counted("microseconds"), 812u);
}

TEST(Inspect, WhatMatchesIsRefusedAndNeverSeenByABackend) {
  WafSite test;
  test.client.send(post("/", "q=1' OR '1'='1", "Content-Type: application/x-www-form-urlencoded\r\n"));
  EXPECT_EQ(test.pass(kMatch), "q=1' OR '1'='1");
  EXPECT_THAT(test.client.message(), AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr("waf")));
  const auto line = test.site.log_line();
  EXPECT_EQ(line["reason"], "waf");
  EXPECT_EQ(line["waf"], "blocked");
  EXPECT_EQ(line["waf_score"], 10);
  EXPECT_EQ(line["waf_rules"], "942100,942190");
  EXPECT_EQ(test.counted("blocked"), 1u);
  EXPECT_TRUE(test.site.origin().nobody_called());
  test.client.send(get("/"));
  test.pass();
  test.relayed();
}

TEST(Inspect, DetectionOnlyTells) {
  WafSite test([](auto& waf) { waf.mode = settings::WafMode::detect; });
  test.client.send(get("/"));
  test.pass(kMatch);
  test.relayed();
  EXPECT_EQ(test.site.log_line()["waf"], "detected");
  EXPECT_EQ(test.counted("detected"), 1u);
  EXPECT_EQ(test.counted("blocked"), 0u);
}

// Of any length and framing, in pieces, with the next request behind it.
TEST(Inspect, BodiesAreHeldAndGoOnAsTheyCame) {
  for (const size_t size : {size_t{1}, size_t{1900}, size_t{2049}, size_t{16'000}, size_t{40'000}, size_t{65'536}}) {
    WafSite test;
    std::string body(size, 'x');
    for (size_t i = 0; i < size; ++i) body[i] = char('a' + i % 26);
    test.client.send(post("/", body) + get("/next"));
    EXPECT_EQ(test.pass(), body);
    const std::string seen = test.relayed();
    EXPECT_EQ(seen.substr(seen.find("\r\n\r\n") + 4), body) << size;
    test.pass();
    EXPECT_THAT(test.relayed(), StartsWith("GET /next "));
    EXPECT_EQ(test.site.buffers_lent(), 0u) << size;
  }
}

TEST(Inspect, ChunksAreJoined) {
  WafSite test;
  std::string chunks, body;
  for (int i = 0; i < 3000; ++i) chunks += "5\r\nabcde\r\n", body += "abcde";
  test.client.send(get("/", "Transfer-Encoding: chunked\r\n", "POST") + chunks);
  EXPECT_FALSE(test.is_asked()) << "it has not ended";
  test.client.send("0\r\n\r\n" + get("/next"));
  EXPECT_EQ(test.pass(), body);
  EXPECT_THAT(test.relayed(), HasSubstr("abcde"));
  test.pass();
  EXPECT_THAT(test.relayed(), StartsWith("GET /next "));
}

// No rule looks at them, so they do not go on.
TEST(Inspect, TrailersEndABodyWhereverTheyAreCut) {
  const std::string end = "0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n";
  for (size_t cut = 0; cut <= end.size(); ++cut) {
    WafSite test;
    test.client.send(get("/", "Transfer-Encoding: chunked\r\n", "POST") + "5\r\nabcde\r\n" + end.substr(0, cut));
    settle(test.site.loop());
    test.client.send(end.substr(cut) + get("/next"));
    EXPECT_EQ(test.pass(), "abcde") << cut;
    EXPECT_THAT(test.relayed(), AllOf(HasSubstr("abcde"), Not(HasSubstr("X-Sum")))) << cut;
    test.pass();
    EXPECT_THAT(test.relayed(), StartsWith("GET /next ")) << cut;
    EXPECT_EQ(test.site.buffers_lent(), 0u) << cut;
  }
}

// Each byte of the body may come with twenty of framing.
TEST(Inspect, WhatIsHeldIsBoundedWithItsFraming) {
  WafSite test([](auto& waf) { waf.body_max = 50'000; });
  std::string chunks;
  for (int i = 0; i < 12'000; ++i) chunks += "0000000000000001\r\nx\r\n";
  test.client.send(get("/", "Transfer-Encoding: chunked\r\n", "POST"));
  for (size_t at = 0; at < chunks.size() && test.client.silent(); at += 40'000) test.client.send(chunks.substr(at, 40'000));
  EXPECT_THAT(test.client.message(), StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(test.site.log_line()["detail"], "body_max");
}

TEST(Inspect, ABodyThatBreaksOffCountsAsFarAsItCame) {
  WafSite test;
  test.client.send(post("/", std::string(40'000, 'x')).substr(0, 30'000));
  settle(test.site.loop());
  test.client.close();
  EXPECT_GT(test.site.log_line()["bytes_in"], 29'000);
}

TEST(Inspect, ARefusedBodyIsReadAndTheConnectionGoesOn) {
  for (const std::string& request : {post("/", std::string(40'000, 'x')),
                                     get("/", "Transfer-Encoding: chunked\r\n", "POST") + "9c40\r\n" + std::string(40'000, 'x') + "\r\n0\r\n\r\n"}) {
    WafSite test;
    test.client.send(request + get("/next"));
    test.pass(kMatch);
    EXPECT_THAT(test.client.message(), AllOf(StartsWith("HTTP/1.1 403 "), Not(HasSubstr("Connection: close"))));
    test.pass();
    EXPECT_THAT(test.relayed(), StartsWith("GET /next "));
  }
}

TEST(Inspect, WhoWaitsForAWordToSendItsBodyGetsItHere) {
  WafSite test;
  test.client.send(get("/", "Content-Length: 3\r\nExpect: 100-continue\r\n", "POST"));
  EXPECT_THAT(test.client.head(), StartsWith("HTTP/1.1 100 "));
  test.client.send("abc");
  EXPECT_EQ(test.pass(), "abc");
  EXPECT_THAT(test.relayed(), AllOf(EndsWith("abc"), Not(HasSubstr("Expect"))));
}

TEST(Inspect, MoreThanBodyMaxIsRefusedUnasked) {
  WafSite test([](auto& waf) { waf.body_max = 1000; });
  test.client.send(post("/", std::string(1001, 'x')));
  EXPECT_THAT(test.client.message(), AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("waf_over")));
  EXPECT_EQ(test.site.log_line()["detail"], "body_max");
  Peer second = test.site.client();
  second.send(get("/", "Transfer-Encoding: chunked\r\n", "POST") + "3e9\r\n" + std::string(1001, 'x') + "\r\n");
  EXPECT_THAT(second.message(), StartsWith("HTTP/1.1 413 "));
  EXPECT_FALSE(test.is_asked());
  EXPECT_EQ(test.counted("skipped"), 2u);
}

TEST(Inspect, OrItsBeginningIsInspectedAndTheRestGoesOn) {
  for (const bool chunked : {false, true}) {
    WafSite test([](auto& waf) { waf.body_max = 1000, waf.when_over = settings::WhenOver::part; });
    const std::string body(100'000, 'x');
    test.client.send(chunked ? get("/", "Transfer-Encoding: chunked\r\n", "POST") + "186a0\r\n" + body + "\r\n0\r\n\r\n" : post("/", body));
    Asked asked = test.ask();
    EXPECT_EQ(asked.question.body.size(), 1000u);
    EXPECT_TRUE(asked.question.terms.part);
    asked.answer({.outcome = Outcome::kPass});
    EXPECT_GE(test.relayed().size(), body.size());
    EXPECT_EQ(test.site.log_line()["waf"], "over");
    EXPECT_EQ(test.counted("skipped"), 1u);
  }
}

TEST(Inspect, EncodedBodiesAreOver) {
  WafSite test;
  test.client.send(post("/", "xyz", "Content-Encoding: gzip\r\n"));
  EXPECT_THAT(test.client.message(), StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(test.site.log_line()["detail"], "content_encoding");
}

TEST(Inspect, LimitsThatAWorkerSees) {
  for (const auto& [outcome, why] : {std::pair{Outcome::kArguments, "arguments_max"}, {Outcome::kValue, "value_max"}}) {
    WafSite test;
    test.client.send(get("/"));
    test.pass({.outcome = outcome});
    EXPECT_THAT(test.client.message(), StartsWith("HTTP/1.1 413 "));
    EXPECT_EQ(test.site.log_line()["detail"], why);
  }
}

TEST(Inspect, NobodyThereRefusesOrPassesAsTheOperatorSays) {
  for (const bool pass : {false, true}) {
    WafSite test([pass](auto& waf) { waf.when_away = pass ? settings::WhenAway::pass : settings::WhenAway::refuse; });
    test.socket.close();
    test.client.send(get("/"));
    if (pass) test.relayed();
    else EXPECT_THAT(test.client.message(), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("waf_away")));
    const auto line = test.site.log_line();
    EXPECT_EQ(line["waf"], "away");
    EXPECT_EQ(line["detail"], "not_running");
    EXPECT_EQ(test.counted("away"), 1u);
  }
}

TEST(Inspect, AFullQueueIsCountedByItself) {
  WafSite test;
  test.socket.close();
  test.listen(0);
  std::vector<Peer> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(test.site.client());
    waiting.back().send(get("/"));
    settle(test.site.loop());
  }
  EXPECT_THAT(waiting.back().message(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(test.site.log_line()["detail"], "queue_full");
  EXPECT_GE(test.counted("queue_full"), 1u);
}

TEST(Inspect, AVerdictIsWaitedForSoLongAndNotLonger) {
  WafSite test([](auto& waf) { waf.when_away = settings::WhenAway::pass; });
  test.client.send(get("/"));
  EXPECT_TRUE(test.is_asked());
  test.site.advance(499ms);
  EXPECT_TRUE(test.client.silent());
  test.site.advance(2ms);
  test.relayed();
  EXPECT_EQ(test.site.log_line()["detail"], "no_worker_free");
}

// Nobody's verdict is waited for, nor worked at (worker.cc sees it).
TEST(Inspect, WhoIsGoneAsksNoMore) {
  WafSite test;
  test.client.send(get("/"));
  Asked asked = test.ask();
  asked.begin();
  EXPECT_FALSE(asked.left());
  test.client.abort();
  EXPECT_TRUE(asked.left());
  EXPECT_EQ(test.site.log_line()["reason"], "client_closed");
  EXPECT_EQ(test.counted("late") + test.counted("away"), 0u);
  EXPECT_EQ(test.site.buffers_lent(), 0u);
}

TEST(Inspect, WhatComesBehindARequestThatIsInspectedWaits) {
  WafSite test;
  test.client.send(post("/", "abc"));
  Asked asked = test.ask();
  test.client.send(get("/next"));
  settle(test.site.loop());
  asked.answer({.outcome = Outcome::kPass});
  EXPECT_THAT(test.relayed(), EndsWith("abc"));
  test.pass();
  EXPECT_THAT(test.relayed(), StartsWith("GET /next "));
}

// What a request does to a worker must be no way around it.
TEST(Inspect, AWorkerThatEndsWhileItInspectsIsTheRequestsDoing) {
  WafSite test([](auto& waf) { waf.when_away = settings::WhenAway::pass; });
  test.client.send(get("/"));
  Asked asked = test.ask();
  asked.begin();
  asked.die();
  EXPECT_THAT(test.client.message(), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("waf_late")));
  EXPECT_EQ(test.site.log_line()["detail"], "worker_ended");
  EXPECT_EQ(test.counted("late"), 1u);
}

TEST(Inspect, AWorkerOfOtherRulesIsAskedOnceMore) {
  WafSite test;
  test.client.send(get("/"));
  test.pass({.outcome = Outcome::kUnknownRules});
  test.pass();
  test.relayed();
  test.client.send(get("/"));
  test.pass({.outcome = Outcome::kUnknownRules});
  test.pass({.outcome = Outcome::kUnknownRules});
  EXPECT_THAT(test.client.message(), StartsWith("HTTP/1.1 503 "));
}

TEST(Inspect, NonsenseIsNoVerdict) {
  for (const std::string& text : {std::string("HTTP/1.1 200 OK\r\n\r\n"), waf::write(Verdict{.outcome = Outcome::kPass}).substr(0, 14)}) {
    WafSite test;
    test.client.send(get("/"));
    Asked asked = test.ask();
    asked.say(text);
    asked.die();
    EXPECT_THAT(test.client.message(), StartsWith("HTTP/1.1 503 "));
    EXPECT_EQ(test.counted("away"), 1u);
  }
}

}  // namespace
}  // namespace cardea::l7::proxy::test
