// Trailers between clients and backends of HTTP/1 and HTTP/2, in each of the four combinations: which go on, which do not,
// and what they cost.
#include "l7/proxy/trailers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/l7/http2/backend.h"
#include "tests/unit/l7/proxy/compressed.h"

namespace cardea::l7::http2::test {
namespace {

using proxy::test::get;
using proxy::test::ok;
using proxy::test::Peer;
using proxy::test::settle;
using proxy::test::Site;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::StartsWith;

constexpr std::string_view kDropped = "cardea_l7_trailers_dropped_total";

void only_clients_know_http2(image::PlanT& plan) {
  plan.services[0]->http2 = true;
}

std::string upload(std::string_view chunks, std::string_view fields = "") {
  return get("/", std::string(fields) + "Transfer-Encoding: chunked\r\n", "POST").append(chunks);
}

constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

// Each name of what RFC 9110 6.5.1 forbids, in the spellings that some reader takes for it.
constexpr std::string_view kForbidden =
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: evil.example\r\nX_Forwarded-For: 9.9.9.9\r\n"
    "Authorization: Basic x\r\nCONTENT_type: text/html\r\nContent-Encoding: gzip\r\nSet-Cookie: a=b\r\nTrailer: X\r\n"
    "Cache-Control: max-age=9\r\nConnection: close\r\nTE: gzip\r\n";

TEST(Trailers, FromHttp1ToHttp1) {
  Site site;
  Peer client = site.client();
  client.send(upload("3\r\nabc\r\n0\r\nX-Sum:9 \r\nX-Empty:\r\n\r\n", "TE: trailers\r\nConnection: TE\r\n"));
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.head(), HasSubstr("\r\nTE: trailers\r\nConnection: TE\r\n"));
  EXPECT_EQ(backend.until("\r\n\r\n"), "3\r\nabc\r\n0\r\nX-Sum: 9\r\nX-Empty: \r\n\r\n");
  backend.send(std::string(kAnswer) + "2\r\nok\r\n0\r\nServer-Timing: db;dur=53\r\nX-Blank : 1\r\n\r\n");
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(client.until("\r\n\r\n"), "2\r\nok\r\n0\r\nServer-Timing: db;dur=53\r\nX-Blank: 1\r\n\r\n");
  EXPECT_EQ(site.value(kDropped), 0u);
  client.send(get("/again"));
  EXPECT_THAT(backend.message(), AllOf(StartsWith("GET /again "), Not(HasSubstr("TE:"))));
}

TEST(Trailers, AreBytesThatCame) {
  for (const bool http2 : {false, true}) {
    Site site(only_clients_know_http2);
    uint64_t bytes[2] = {0, 0};
    for (const bool with : {false, true}) {
      Peer client = site.client();
      Client caller(site);
      if (http2) {
        const int32_t call = caller.ask("/", {}, false, "POST");
        caller.send_body(call, "abc", !with);
        settle(site.loop());
        if (with) caller.end_with(call, {{"x-sum", "0123456789"}});
      } else {
        client.send(upload(with ? "3\r\nabc\r\n0\r\nx-sum: 0123456789\r\n\r\n" : "3\r\nabc\r\n0\r\n\r\n"));
      }
      Peer backend = site.origin().accept();
      backend.until("0\r\n");
      backend.send(ok("x", "Connection: close\r\n"));
      bytes[with] = site.log_line()["bytes_in"];
    }
    EXPECT_EQ(bytes[1], bytes[0] + std::string_view("x-sum: 0123456789\r\n").size()) << http2;
  }
}

// However they are cut.
TEST(Trailers, ComeByteByByte) {
  Site site;
  Peer client = site.client();
  client.send(upload(""));
  Peer backend = site.origin().accept();
  backend.head();
  for (const char c : std::string_view("3\r\nabc\r\n0\r\nX-Sum: 9\r\nX-Other: 10\r\n\r\n")) {
    client.send({&c, 1});
    proxy::test::settle(site.loop());
  }
  EXPECT_EQ(backend.until("\r\n\r\n"), "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\nX-Sum: 9\r\nX-Other: 10\r\n\r\n");
  backend.send(std::string(kAnswer));
  client.head();
  for (const char c : std::string_view("1\r\nx\r\n0\r\nX-Sum: 9\r\n\r\n")) backend.send({&c, 1});
  EXPECT_EQ(client.until("0\r\n\r\n"), "1\r\nx\r\n0\r\n\r\n") << "this one has not asked for any";
  EXPECT_EQ(site.value(kDropped), 1u);
}

TEST(Trailers, FromHttp1ToHttp2AndBack) {
  Site site([](image::PlanT& plan) { plan.pools[0]->http2 = image::PoolHttp2::prior_knowledge; });
  Peer client = site.client();
  client.send(upload("3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n", "TE: trailers\r\nConnection: TE\r\n"));
  Backend backend(site);
  const int32_t asked = backend.next();
  EXPECT_EQ(backend.whole(asked).body, "abc");
  EXPECT_THAT(backend.asked(asked).trailers, ElementsAre(Pair("x-sum", "9")));
  backend.answer(asked, "200", {}, false);
  backend.send_body(asked, "ok", false);
  backend.end_with(asked, {{"x-sum", "10"}});
  EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(client.until("\r\n\r\n"), "2\r\nok\r\n0\r\nx-sum: 10\r\n\r\n");
}

// As a gRPC server behind HTTP/1.1 answers.
TEST(Trailers, FromHttp2ToHttp1AndBack) {
  Site site(only_clients_know_http2);
  Client caller(site);
  const int32_t call = caller.ask("/", {{"content-type", "application/grpc"}, {"te", "trailers"}}, false, "POST");
  caller.send_body(call, "abc", false);
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.head(), HasSubstr("\r\nTE: trailers\r\nConnection: TE\r\n"));
  caller.end_with(call, {{"x-sum", "9"}, {"content-length", "3"}, {"x_forwarded_for", "9.9.9.9"}});
  EXPECT_TRUE(caller.until([&] { return site.value(kDropped) == 2; }));
  EXPECT_EQ(backend.until("\r\n\r\n"), "3\r\nabc\r\n0\r\nx-sum: 9\r\n\r\n");
  backend.send("HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
               "Grpc-Status: 0\r\nGrpc-Message: fine\r\n\r\n");
  const Answer& answer = caller.answer(call);
  EXPECT_EQ(answer.body, "ok");
  EXPECT_THAT(answer.trailers, ElementsAre(Pair("grpc-status", "0"), Pair("grpc-message", "fine")));
  EXPECT_TRUE(answer.ended && !answer.reset);
}

TEST(Trailers, NoneIsWhatMustStandBeforeABody) {
  Site site(only_clients_know_http2);
  Peer client = site.client();
  client.send(upload("0\r\n" + std::string(kForbidden) + "X-Sum: 9\r\nContent-Digest: sha-256=:x:\r\n\r\n"));
  Peer backend = site.origin().accept();
  const std::string head = backend.head();
  EXPECT_THAT(head, AllOf(HasSubstr("Host: shop.example\r\n"), Not(HasSubstr("evil")), Not(HasSubstr("9.9.9.9"))));
  EXPECT_EQ(backend.until("\r\n\r\n"), "0\r\nX-Sum: 9\r\nContent-Digest: sha-256=:x:\r\n\r\n");
  EXPECT_EQ(site.value(kDropped), 12u);
  backend.send(std::string(kAnswer) + "0\r\n\r\n");
  client.message();
  Client caller(site);
  const int32_t call = caller.ask("/");
  EXPECT_THAT(backend.head(), StartsWith("GET / "));
  backend.send(std::string(kAnswer) + "1\r\nx\r\n0\r\n" + std::string(kForbidden) + "X-Sum: 9\r\n\r\n");
  EXPECT_THAT(caller.answer(call).trailers, ElementsAre(Pair("x-sum", "9")));
  EXPECT_EQ(site.value(kDropped), 24u);
}

// What a backend that merges both would take for our word, whatever HTTP/1 calls it.
TEST(Trailers, NonePassesForWhatHeaderRulesAndThisHopTell) {
  Site site([](image::PlanT& plan) {
    plan.services[0]->request_id = std::make_unique<image::RequestIdT>();
    plan.services[0]->request_id->header = "X-Trace";
    for (auto& route : plan.services[0]->routes) {
      route->policies = std::make_unique<settings::PoliciesT>();
      route->policies->request_headers = std::make_unique<settings::HeaderEditsT>();
      route->policies->request_headers->set = {"X-User: ${user}"};
      route->policies->response_headers = std::make_unique<settings::HeaderEditsT>();
      route->policies->response_headers->remove = {"X-Internal"};
    }
  });
  Peer client = site.client();
  client.send(upload("0\r\nX_User: root\r\nX-TRACE: mine\r\nX-Sum: 9\r\n\r\n", "TE: trailers\r\n"));
  Peer backend = site.origin().accept();
  backend.head();
  EXPECT_EQ(backend.until("\r\n\r\n"), "0\r\nX-Sum: 9\r\n\r\n");
  backend.send(std::string(kAnswer) + "0\r\nX-Internal: 1\r\nX-Sum: 9\r\n\r\n");
  client.head();
  EXPECT_EQ(client.until("\r\n\r\n"), "0\r\nX-Sum: 9\r\n\r\n");
}

TEST(Trailers, AreRefusedAndNotCutWhereTheyAreTooMany) {
  Site site;
  std::string many, large = "X: " + std::string(9000, 'a') + "\r\n";
  for (int i = 0; i < 65; ++i) many += "X: 1\r\n";
  for (const std::string& lines : {many, large, std::string("X: 1\n"), std::string("X: \x01\r\n")}) {
    Peer client = site.client();
    client.send(upload("1\r\nx\r\n0\r\n" + lines + "\r\n"));
    EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 400 "));
    EXPECT_EQ(site.log_line()["reason"], "trailer");
  }
  EXPECT_EQ(site.buffers_lent(), 0u);
}

TEST(Trailers, OfABackendThatAreTooManyCutItsResponse) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(std::string(kAnswer) + "1\r\nx\r\n0\r\nX: " + std::string(9000, 'a') + "\r\n\r\n");
  EXPECT_THAT(client.rest(), Not(HasSubstr("0\r\n\r\n")));
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "response_truncated");
  EXPECT_EQ(line["detail"], "trailer");
}

// They are held of l7.buffers until their end is here.
TEST(Trailers, ThatAreNotWholeAreOfTheBuffers) {
  Site site;
  Peer client = site.client();
  client.send(upload("1\r\nx\r\n"));
  Peer backend = site.origin().accept();
  backend.head();
  backend.until("x\r\n");
  const size_t before = site.buffers_lent();
  client.send("0\r\nX: " + std::string(3000, 'a'));
  proxy::test::settle(site.loop());
  EXPECT_GE(site.buffers_lent(), before + proxy::Buffers::kPiece);
  client.abort();
  proxy::test::settle(site.loop());
  EXPECT_EQ(site.buffers_lent(), 0u);
}

// HTTP/1.0 knows neither chunks nor what follows them.
TEST(Trailers, GoToNobodyWhoCannotHaveThem) {
  Site site(only_clients_know_http2);
  Peer old = site.client();
  old.send("GET / HTTP/1.0\r\nHost: shop.example\r\nTE: trailers\r\n\r\n");
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(std::string(kAnswer) + "1\r\nx\r\n0\r\nX-Sum: 9\r\n\r\n");
  EXPECT_THAT(old.rest(), EndsWith("\r\n\r\nx"));
  EXPECT_EQ(site.value(kDropped), 1u);
  Client caller(site);
  const int32_t call = caller.ask("/", {{"content-length", "3"}}, false, "POST");
  caller.send_body(call, "abc", false);
  EXPECT_THAT(backend.head(), HasSubstr("\r\nContent-Length: 3\r\n"));
  caller.end_with(call, {{"x-sum", "9"}});
  EXPECT_EQ(backend.take(3), "abc");
  EXPECT_TRUE(backend.silent());
}

// What a sender ends at this hop ends here behind its body too (RFC 9110 7.6.1).
TEST(Trailers, NamedByConnectionEndHere) {
  Site site;
  Peer client = site.client();
  client.send(upload("0\r\nX-Hop: 1\r\nX-Sum: 9\r\n\r\n", "TE: trailers\r\nConnection: TE, x-hop\r\n"));
  Peer backend = site.origin().accept();
  backend.head();
  EXPECT_EQ(backend.until("\r\n\r\n"), "0\r\nX-Sum: 9\r\n\r\n");
  backend.send("HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.head();
  backend.send("0\r\nx-hop: 1\r\nX-Sum: 9\r\n\r\n");
  EXPECT_EQ(client.until("\r\n\r\n"), "0\r\nX-Sum: 9\r\n\r\n");
}

TEST(Trailers, ThatNobodyTakesAreNotHeld) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.head();
  backend.send(std::string(kAnswer) + "1\r\nx\r\n");
  client.until("x\r\n");
  proxy::test::settle(site.loop());
  const size_t before = site.buffers_lent();
  backend.send("0\r\nX: " + std::string(3000, 'a'));
  proxy::test::settle(site.loop());
  EXPECT_LE(site.buffers_lent(), before);
  backend.send("\r\n\r\n");
  EXPECT_EQ(client.until("\r\n\r\n"), "0\r\n\r\n");
  EXPECT_EQ(site.value(kDropped), 1u);
}

// Whether they came before or behind the body's last byte was seen makes no difference.
TEST(Trailers, BehindABodyOfAKnownLengthEndHere) {
  Site site([](image::PlanT& plan) {
    plan.services[0]->http2 = true;
    plan.pools[0]->http2 = image::PoolHttp2::prior_knowledge;
  });
  Client caller(site);
  const int32_t call = caller.ask("/", {{"content-length", "3"}}, false, "POST");
  caller.send_body(call, "abc", false);
  caller.end_with(call, {{"x-sum", "9"}});
  Backend backend(site);
  const int32_t asked = backend.next();
  EXPECT_EQ(backend.whole(asked).body, "abc");
  EXPECT_TRUE(backend.asked(asked).trailers.empty());
}

// A cache keeps a response without them (RFC 9111 3.1), and they never become fields of its head.
TEST(Trailers, AreNoPartOfWhatACacheKeeps) {
  Site site;
  Peer client = site.client();
  client.send(get("/cached/", "TE: trailers\r\n"));
  Peer backend = site.origin().accept();
  backend.head();
  backend.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 9\r\n\r\n");
  client.head();
  EXPECT_EQ(client.until("\r\n\r\n"), "1\r\nx\r\n0\r\nX-Sum: 9\r\n\r\n") << "whoever waited for it has them";
  client.send(get("/cached/", "TE: trailers\r\n"));
  const std::string stored = client.message();
  EXPECT_THAT(stored, AllOf(HasSubstr("hit"), EndsWith("\r\n\r\nx"), Not(HasSubstr("X-Sum"))));
}

// The digest of other bytes than the client gets.
TEST(Trailers, SayNothingOfBytesThatWereCompressedHere) {
  proxy::test::Compressed site;
  Peer client = site.client();
  client.send(get("/", "TE: trailers\r\nAccept-Encoding: gzip\r\n"));
  Peer backend = site.origin().accept();
  backend.head();
  backend.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" +
               std::string(2048, 'a') + "\r\n0\r\nRepr-Digest: sha-256=:x:\r\nX-Sum: 9\r\n\r\n");
  EXPECT_THAT(client.head(), HasSubstr("Content-Encoding: gzip\r\n"));
  EXPECT_THAT(client.until("\r\n\r\n"), EndsWith("\r\n0\r\nX-Sum: 9\r\n\r\n"));
}

}  // namespace
}  // namespace cardea::l7::http2::test
