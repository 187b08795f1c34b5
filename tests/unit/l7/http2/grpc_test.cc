// Trailers in both directions, and gRPC end to end: what calls of it need of a proxy (PROTOCOL-HTTP2.md of gRPC).
#include "l7/http/grpc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/http2/backend.h"
#include "tests/unit/l7/http2/raw.h"

namespace cardea::l7::http2::test {
namespace {

using namespace std::chrono_literals;
using proxy::test::get;
using proxy::test::Peer;
using proxy::test::settle;
using proxy::test::Site;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

const Fields kGrpc = {{"content-type", "application/grpc+proto"}, {"te", "trailers"}};

struct Grpc : testing::Test {
  Grpc()
      : site([](image::PlanT& plan) {
          plan.services[0]->http2 = true;
          plan.pools[0]->http2 = image::PoolHttp2::prior_knowledge;
        }) {}
  Site site;
};

// A call whose two directions are open: the head of the answer is on its way, before any message.
struct Talk {
  explicit Talk(Site& site) : caller(site), call(caller.ask("/echo.Echo/Talk", kGrpc, false, "POST")), backend(site) {
    backend.answer(asked, "200", {{"content-type", "application/grpc"}}, false);
  }
  Client caller;
  const int32_t call;
  Backend backend;
  const int32_t asked = backend.next();
};

TEST_F(Grpc, ACallHasItsStatusBehindItsMessages) {
  Client caller(site);
  const int32_t call = caller.ask("/echo.Echo/Say", kGrpc, false, "POST");
  caller.send_body(call, "message", true);
  Backend backend(site);
  const int32_t asked = backend.next();
  EXPECT_EQ(backend.asked(asked).value("te"), "trailers");
  EXPECT_EQ(backend.asked(asked).value("content-type"), "application/grpc+proto");
  EXPECT_EQ(backend.whole(asked).body, "message");
  backend.answer(asked, "200", {{"content-type", "application/grpc"}}, false);
  backend.send_body(asked, "reply", false);
  backend.end_with(asked, {{"grpc-status", "0"}, {"grpc-message", "fine"}, {"content-encoding", "gzip"}, {"cookie", "a=1"}});
  const Answer& answer = caller.answer(call);
  EXPECT_EQ(answer.status, "200");
  EXPECT_EQ(answer.body, "reply");
  EXPECT_THAT(answer.trailers, ElementsAre(Pair("grpc-status", "0"), Pair("grpc-message", "fine")));
  EXPECT_TRUE(answer.ended);
  EXPECT_FALSE(answer.reset);
}

TEST_F(Grpc, AStatusWithoutMessagesIsOneBlock) {
  Client caller(site);
  const int32_t call = caller.ask("/echo.Echo/Say", kGrpc, true, "POST");
  Backend backend(site);
  backend.answer(backend.next(), "200", {{"content-type", "application/grpc"}, {"grpc-status", "5"}});
  const Answer& answer = caller.answer(call);
  EXPECT_EQ(answer.value("grpc-status"), "5");
  EXPECT_TRUE(answer.ended && answer.body.empty());
}

TEST_F(Grpc, MessagesGoBothWaysAsTheyCome) {
  Talk talk(site);
  auto& [caller, call, backend, asked] = talk;
  ASSERT_TRUE(caller.until([&] { return caller.so_far(call).status == "200"; })) << "before any message";
  std::string said, heard;
  for (const char* word : {"one", "two", "three"}) {
    caller.send_body(call, word, false);
    said += word;
    ASSERT_TRUE(backend.until([&] { return backend.asked(asked).body == said; }));
    backend.send_body(asked, word, false);
    ASSERT_TRUE(caller.until([&] { return caller.so_far(call).body == said; }));
  }
  backend.end_with(asked, {{"grpc-status", "0"}});
  EXPECT_THAT(caller.answer(call).trailers, ElementsAre(Pair("grpc-status", "0"))) << "before the client is done";
}

// Nothing moves for longer than a body may stand still: it is no body.
TEST_F(Grpc, AStreamMayBeSilentAsLongAsATunnel) {
  Talk talk(site);
  auto& [caller, call, backend, asked] = talk;
  backend.send_body(asked, "first", false);
  ASSERT_TRUE(caller.until([&] { return caller.so_far(call).body == "first"; }));
  for (int i = 0; i < 4; ++i) {
    site.advance(40s);
    backend.send_body(asked, ".", false);
    ASSERT_TRUE(caller.until([&] { return caller.so_far(call).body.size() == 6u + size_t(i) || caller.so_far(call).reset; }));
    ASSERT_FALSE(caller.so_far(call).reset) << i;
  }
  site.advance(61s);
  EXPECT_TRUE(caller.answer(call).reset);
}

// What a client says of its request makes no file, page or download a stream of messages: who takes nothing is given up.
TEST_F(Grpc, AnAnswerThatIsNoneIsTakenInTimeWhateverItsClientSays) {
  Client caller(site);
  const int32_t call = caller.ask("/download", kGrpc, true, "POST");
  Backend backend(site);
  const int32_t asked = backend.next();
  backend.answer_with(asked, "200", {{"content-type", "text/plain"}}, std::string(300'000, 'x'));
  for (int i = 0; i < 10; ++i) backend.so_far(asked);  // sends on what it may
  EXPECT_EQ(caller.so_far(call).status, "200");
  for (int i = 0; i < 40; ++i) site.advance(1s), settle(site.loop());
  EXPECT_EQ(site.value("cardea_l7_service_slow_clients_total"), 1u);
  EXPECT_EQ(site.log_line()["reason"], "client_stalled");
}

// gRPC is spoken by HTTP/2 alone.
TEST_F(Grpc, ABodyOfHttp1StandsStillForNoLongerThanAnyOther) {
  Peer client = site.client();
  client.send(get("/", "Content-Type: application/grpc\r\nContent-Length: 10\r\n", "POST"));
  Backend backend(site);
  backend.next();
  site.advance(31s);
  EXPECT_THAT(client.head(), testing::StartsWith("HTTP/1.1 408 "));
}

TEST_F(Grpc, WhoGivesUpCancelsItsCallAtTheBackend) {
  Talk talk(site);
  auto& [caller, call, backend, asked] = talk;
  backend.send_body(asked, "first", false);
  ASSERT_TRUE(caller.until([&] { return caller.so_far(call).body == "first"; }));
  caller.reset(call);
  EXPECT_EQ(backend.over(asked).reset, NGHTTP2_CANCEL);
  EXPECT_FALSE(backend.closed());
}

TEST_F(Grpc, OurOwnErrorsAreItsStatuses) {
  site.origin().refuse();
  Client caller(site);
  const int32_t call = caller.ask("/echo.Echo/Say", kGrpc, true, "POST");
  const Answer& answer = caller.answer(call);
  EXPECT_EQ(answer.status, "200");
  EXPECT_EQ(answer.value("content-type"), "application/grpc");
  EXPECT_EQ(answer.value("grpc-status"), "14");
  EXPECT_EQ(answer.value("grpc-message"), "connect_failed");
  EXPECT_TRUE(answer.ended && answer.body.empty());
  EXPECT_EQ(site.log_line()["status"], 502) << "as anybody else's";
  const int32_t plain = caller.ask("/", {{"content-type", "application/grpc-web"}}, true, "POST");
  EXPECT_EQ(caller.answer(plain).status, "502");
}

TEST_F(Grpc, ABackendThatDoesNotAnswerInTimeIsADeadline) {
  Client caller(site);
  const int32_t call = caller.ask("/echo.Echo/Say", kGrpc, true, "POST");
  Backend backend(site);
  const int32_t asked = backend.next();
  site.advance(31s);
  EXPECT_EQ(caller.answer(call).value("grpc-status"), "4");
  EXPECT_EQ(backend.over(asked).reset, NGHTTP2_CANCEL);
}

// A request whose body has come to the backend, and whose end has not.
struct HalfSent {
  explicit HalfSent(Site& site) : caller(site), call(caller.ask("/", {}, false, "POST")), backend(site) {
    caller.send_body(call, "body", false);
    asked = backend.next();
    EXPECT_TRUE(backend.until([this] { return backend.asked(asked).body == "body"; }));
  }
  Client caller;
  const int32_t call;
  Backend backend;
  int32_t asked = 0;
};

TEST_F(Grpc, ARequestsTrailersGoOn) {
  HalfSent sent(site);
  auto& [caller, call, backend, asked] = sent;
  ASSERT_EQ(backend.asked(asked).body, "body");
  caller.end_with(call, {{"x-digest", "abc"}, {"host", "evil.example"}});
  EXPECT_TRUE(backend.whole(asked).ended);
  EXPECT_THAT(backend.asked(asked).trailers, ElementsAre(Pair("x-digest", "abc")));
  backend.answer(asked, "204");
  EXPECT_EQ(caller.answer(call).status, "204");
}

Fields long_trailers() {
  Fields trailers;
  for (char c = 'a'; c <= 'l'; ++c) trailers.emplace_back(std::string("x-") + c, std::string(1000, c));
  return trailers;
}

TEST_F(Grpc, TrailersThatWaitAreOfTheBuffers) {
  HalfSent sent(site);
  auto& [caller, call, backend, asked] = sent;
  ASSERT_EQ(backend.asked(asked).body, "body");
  const size_t before = site.buffers_lent();
  caller.end_with(call, long_trailers());
  EXPECT_TRUE(backend.whole(asked).ended);
  EXPECT_EQ(backend.asked(asked).trailers.size(), 12u);
  EXPECT_GE(site.buffers_lent(), before + 2 * proxy::Buffers::kPiece) << "as they came, and as they went";
  backend.answer(asked, "204");
  EXPECT_EQ(caller.answer(call).status, "204");
  EXPECT_TRUE(caller.until([&] { return site.buffers_lent() <= before; }));
}

// A backend that reads trailers as it reads headers would take a client's word for ours.
TEST_F(Grpc, NoTrailerPassesForAHeaderThatIsSetHere) {
  site.adopt([](image::PlanT& plan) {
    plan.services[0]->http2 = true;
    plan.pools[0]->http2 = image::PoolHttp2::prior_knowledge;
    for (auto& route : plan.services[0]->routes) {
      route->policies = std::make_unique<settings::PoliciesT>();
      route->policies->request_headers = std::make_unique<settings::HeaderEditsT>();
      route->policies->request_headers->set = {"X-User: ${user}"};
      route->policies->request_headers->remove = {"X-Admin"};
    }
  });
  HalfSent sent(site);
  auto& [caller, call, backend, asked] = sent;
  ASSERT_EQ(backend.asked(asked).body, "body");
  caller.end_with(call, {{"x-user", "root"}, {"x-digest", "abc"}, {"x_user", "root"}, {"x-admin", "1"}});
  EXPECT_TRUE(backend.whole(asked).ended);
  EXPECT_THAT(backend.asked(asked).trailers, ElementsAre(Pair("x-digest", "abc")));
  backend.answer(asked, "204");
  EXPECT_EQ(caller.answer(call).status, "204");
}

TEST_F(Grpc, TrailersGoToAClientOfHttp1ThatWantsThem) {
  Peer client = site.client();
  client.send(get("/", "TE: trailers\r\nConnection: TE\r\n"));
  Backend backend(site);
  const int32_t asked = backend.next();
  EXPECT_EQ(backend.asked(asked).value("te"), "trailers");
  backend.answer(asked, "200", {}, false);
  backend.send_body(asked, "hello", false);
  backend.end_with(asked, {{"x-digest", "abc"}, {"set-cookie", "a=1"}});
  EXPECT_THAT(client.until("abc\r\n\r\n"), EndsWith("\r\n5\r\nhello\r\n0\r\nx-digest: abc\r\n\r\n"));
  client.send(get("/"));
  const int32_t other = backend.next();
  EXPECT_EQ(backend.asked(other).value("te"), "");
  backend.answer(other, "200", {}, false);
  backend.send_body(other, "hello", false);
  backend.end_with(other, {{"x-digest", "abc"}});
  EXPECT_THAT(client.until("0\r\n"), EndsWith("\r\n5\r\nhello\r\n0\r\n"));
  EXPECT_EQ(client.take(2), "\r\n");
  EXPECT_TRUE(client.silent());
}

TEST(GrpcStatus, FollowsTheStatusOfOurOwnAnswers) {
  const std::pair<uint16_t, int> rows[] = {{400, 13}, {401, 16}, {403, 7}, {404, 12}, {408, 4},  {413, 8}, {429, 8},
                                           {431, 8},  {500, 2},  {501, 12}, {502, 14}, {503, 14}, {504, 4}};
  for (const auto& [status, number] : rows) EXPECT_EQ(http::grpc_status(status), number) << status;
}

TEST(GrpcType, IsToldFromItsKin) {
  for (const char* type : {"application/grpc", "application/grpc+proto", "Application/gRPC; charset=x"})
    EXPECT_TRUE(http::is_grpc(type)) << type;
  for (const char* type : {"", "application/grpc-web", "application/grpc-web+proto", "application/json", "application/grp"})
    EXPECT_FALSE(http::is_grpc(type)) << type;
}

}  // namespace
}  // namespace cardea::l7::http2::test
