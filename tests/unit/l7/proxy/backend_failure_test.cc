// Backends that refuse, stall, lie, or die at every point of an exchange: what is tried again, what the client is told,
// and that nothing a client has seen of a response passes for more than it was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <vector>

#include "tests/unit/base/descriptors_left.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A client and a backend with an idle connection between them.
struct Warm {
  explicit Warm(size_t origins = 1, const Site::Change& change = {})
      : site(change, origins), client(site.client()), backend(first()) {}
  Peer first() {
    client.send(get("/warm"));
    Peer its = site.origin().accept();
    its.message();
    its.send(ok("warm"));
    client.message();
    site.log_line();
    return its;
  }
  Site site;
  Peer client, backend;
};

TEST(BackendFailure, ARefusedConnectionIsTriedElsewhere) {
  Site site({}, 2);
  site.origin().refuse();
  Peer client = site.client();
  client.send(post("/", "body"));
  Peer backend = site.origins[1]->accept();
  EXPECT_THAT(backend.message(), HasSubstr("\r\n\r\nbody"));
  backend.send(ok("served"));
  EXPECT_THAT(client.message(), HasSubstr("served"));
  const auto line = site.log_line();
  EXPECT_EQ(line["attempts"], 2);
  EXPECT_EQ(line["backend"], site.origins[1]->name());
  EXPECT_EQ(site.value("cardea_l7_backend_connect_failures_total", site.origin().name()), 1u);
  EXPECT_EQ(site.value("cardea_l7_backend_retries_total", site.origin().name()), 1u);
}

TEST(BackendFailure, NobodyListens) {
  Site site({}, 2);
  for (auto& origin : site.origins) origin->refuse();
  Peer client = site.client();
  client.send(get("/"));
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 502 Bad Gateway\r\n"));
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "connect_failed");
  EXPECT_EQ(line["attempts"], 2);
  site.origin().listen();
  client.send(get("/"));  // both are suspect, and are tried all the same
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("back"));
  EXPECT_THAT(client.message(), HasSubstr("back"));
}

// What is used without descriptors below; see descriptors_left.h.
void use_every_type() {
  Warm served;
  Site refused;
  refused.origin().refuse();
  Peer client = refused.client();
  client.send(get("/"));
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 502 "));
  EXPECT_FALSE(fail_errno("open a socket", EMFILE).error().message.empty());
}

TEST(BackendFailure, WithoutADescriptorForItsConnectionABackendIsNotBlamed) {
  use_every_type();
  Site site({}, 2);
  Peer client = site.client();
  settle(site.loop());
  {
    const DescriptorsLeft none(0);
    client.send(get("/"));
    EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 503 "));
  }
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "local_failure");
  EXPECT_THAT(std::string(line["detail"]), HasSubstr("Too many open files"));
  EXPECT_EQ(line["attempts"], 1) << "no other backend can be connected to either";
  EXPECT_EQ(site.value("cardea_l7_local_failures_total"), 1u);
  EXPECT_EQ(site.value("cardea_l7_backend_connect_failures_total"), 0u);
  EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 0u);
  std::set<size_t> served;
  for (int i = 0; i < 2; ++i) {
    client.send(get("/again", "Connection: close\r\n"));
    const size_t at = site.called();
    served.insert(at);
    Peer backend = site.origins[at]->accept();
    backend.message();
    backend.send(ok("x"));
    EXPECT_THAT(client.message(), HasSubstr("x"));
    client = site.client();
  }
  EXPECT_EQ(served.size(), 2u) << "none is suspect";
}

TEST(BackendFailure, WithoutADescriptorATcpConnectionEndsAndItsBackendIsNotBlamed) {
  use_every_type();
  Site site;
  Peer client = site.client("raw");
  {
    const DescriptorsLeft for_the_client(1);
    EXPECT_EQ(client.rest(), "");
    EXPECT_TRUE(client.reset());
  }
  EXPECT_EQ(site.log_line()["reason"], "local_failure");
  EXPECT_EQ(site.value("cardea_l7_local_failures_total"), 1u);
  EXPECT_EQ(site.value("cardea_l7_backend_connect_failures_total"), 0u);
}

TEST(BackendFailure, WithoutADescriptorClientsWaitToBeAcceptedAndNothingSpins) {
  use_every_type();
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  for (const auto& [more, failures] : {std::pair{99ms, 1u}, std::pair{1ms, 2u}}) {
    {
      const DescriptorsLeft none(0);
      settle(site.loop());
      site.advance(more);
      settle(site.loop());
    }
    EXPECT_EQ(site.value("cardea_l7_accept_failures_total"), failures);
  }
  site.advance(100ms);
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("x"));
  EXPECT_THAT(client.message(), HasSubstr("x"));
}

TEST(BackendFailure, APooledConnectionThatDiedIsReplaced) {
  Warm warm;
  warm.backend.close();
  settle(warm.site.loop());
  warm.client.send(post("/", "once"));
  Peer fresh = warm.site.origin().accept();
  EXPECT_THAT(fresh.message(), HasSubstr("once"));
  fresh.send(ok("x"));
  warm.client.message();
  EXPECT_EQ(warm.site.log_line()["attempts"], 1) << "its end was seen before it was used";
}

// Its end came in the turn in which it is lent.
TEST(BackendFailure, APooledConnectionThatEndedUnheardGetsNothingThatCannotBeRepeated) {
  for (const std::string& request : {post("/", "once"), get("/", "Content-Length: 4\r\n", "PUT") + "once",
                                     get("/once", "Content-Length: 0\r\n", "POST"), get("/once", "", "POST")}) {
    Warm warm;
    warm.client.send_what_fits(request);
    warm.site.loop().post([&] { warm.backend.close(); });
    Peer fresh = warm.site.origin().accept();
    EXPECT_THAT(fresh.message(), HasSubstr("once"));
    fresh.send(ok("x"));
    warm.client.message();
    EXPECT_EQ(warm.site.log_line()["attempts"], 1);
  }
}

// The request and the backend's close cross on the wire.
TEST(BackendFailure, APooledConnectionThatEndsUnderARequestIsTriedAgainWhereThatIsSafe) {
  Warm warm;
  warm.client.send(get("/safe"));
  warm.backend.message();
  warm.backend.close();
  Peer again = warm.site.origin().accept();
  EXPECT_THAT(again.message(), StartsWith("GET /safe "));
  again.send(ok("second"));
  EXPECT_THAT(warm.client.message(), HasSubstr("second"));
  EXPECT_EQ(warm.site.log_line()["attempts"], 2);
  EXPECT_EQ(warm.site.value("cardea_l7_backend_failures_total"), 0u) << "nobody's fault";
  warm.client.send(post("/unsafe", "once"));
  again.message();
  again.abort();
  EXPECT_THAT(warm.client.message(), StartsWith("HTTP/1.1 502 "));
  const auto line = warm.site.log_line();
  EXPECT_EQ(line["attempts"], 1) << "it may have acted";
  EXPECT_THAT(line["reason"], testing::AnyOf("backend_closed", "backend_reset"));
}

TEST(BackendFailure, APutWithItsBodyStillInTheBufferIsSentAgain) {
  Warm warm;
  warm.client.send(get("/", "Content-Length: 4\r\n", "PUT") + "body");
  warm.backend.message();
  warm.backend.close();
  Peer again = warm.site.origin().accept();
  EXPECT_THAT(again.message(), HasSubstr("\r\n\r\nbody"));
  again.send(ok("x"));
  warm.client.message();
}

TEST(BackendFailure, APutWhoseBodyIsGoneIsNotSentAgain) {
  Warm warm;
  warm.client.send(get("/", "Content-Length: 8\r\n", "PUT") + "body");
  warm.backend.until("body");
  warm.client.send("more");
  warm.backend.until("more");
  warm.backend.close();
  EXPECT_THAT(warm.client.message(), StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(warm.site.origin().nobody_called());
}

TEST(BackendFailure, AFreshConnectionThatEndsWithoutAWordIsTriedAtOneOther) {
  Site site({}, 3);
  Peer client = site.client();
  client.send(get("/"));
  site.origins[0]->accept().message();
  site.origins[1]->accept().message();
  EXPECT_THAT(client.message(), HasSubstr("backend_closed"));
  EXPECT_TRUE(site.origins[2]->nobody_called()) << "the request may be what breaks backends";
  EXPECT_EQ(site.log_line()["attempts"], 2);
  EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 2u);
  client.send(post("/", "an order"));
  site.origins[2]->accept().message();
  EXPECT_THAT(client.message(), HasSubstr("backend_closed"));
  EXPECT_EQ(site.log_line()["attempts"], 1) << "it may have acted";
}

// The backend may have acted on what it has of it.
TEST(BackendFailure, ARequestThatWentOutInPartIsNotSentTwice) {
  Site site([](image::PlanT& plan) { plan.services[0]->header_bytes_max = 1 << 20; }, 2);
  Peer client = site.client();
  client.send(post("/", "an order", "X: " + std::string(900'000, 'x') + "\r\n"));
  Peer backend = site.origins[0]->accept();
  backend.hold_little();
  settle(site.loop());
  backend.abort();
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(site.origins[1]->nobody_called());
  EXPECT_EQ(site.log_line()["attempts"], 1);
}

TEST(BackendFailure, NoResponseInTimeIs504) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  site.advance(29900ms);
  EXPECT_TRUE(client.silent());
  site.advance(200ms);
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 504 Gateway Timeout\r\n"));
  EXPECT_EQ(site.log_line()["reason"], "response_timeout");
  EXPECT_TRUE(backend.ended());
  EXPECT_TRUE(client.silent()) << "the client's connection goes on";
}

TEST(BackendFailure, AHeadThatTricklesInRunsOutOfTime) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  for (int i = 0; i < 4; ++i) {
    backend.send("HTTP/1.1 200 OK\r\n"[i] == 0 ? "" : std::string(1, "HTTP"[i]));
    settle(site.loop());
    site.advance(8s);
  }
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 504 "));
}

TEST(BackendFailure, AResponseThatStallsIsBrokenOff) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123");
  client.until("123");
  site.advance(31s);
  EXPECT_EQ(client.rest(), "");
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "response_stalled");
  EXPECT_EQ(line["status"], 200);
}

TEST(BackendFailure, ATruncatedBodyIsNeverCompletedByUs) {
  struct {
    const char* framing;
    const char* part;
  } const rows[] = {{"Content-Length: 10\r\n", "123"},
                    {"Transfer-Encoding: chunked\r\n", "3\r\n123\r\n"},
                    {"Transfer-Encoding: chunked\r\n", "a\r\n123"}};
  for (const auto& row : rows) {
    for (const bool by_reset : {false, true}) {
      Site site;
      Peer client = site.client();
      client.send(get("/"));
      Peer backend = site.origin().accept();
      backend.message();
      backend.send("HTTP/1.1 200 OK\r\n" + std::string(row.framing) + "\r\n" + row.part);
      client.until("123");
      by_reset ? backend.abort() : backend.close();
      EXPECT_THAT(client.rest(), Not(HasSubstr("0\r\n\r\n"))) << row.framing;
      EXPECT_EQ(site.log_line()["reason"], "response_truncated");
      EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 1u);
    }
  }
}

TEST(BackendFailure, AChunkThatTurnsBadEndsTheResponse) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\nzz\r\n");
  EXPECT_THAT(client.rest(), testing::AllOf(HasSubstr("123"), Not(HasSubstr("0\r\n\r\n"))));
  const auto line = site.log_line();
  EXPECT_EQ(line["reason"], "response_truncated");
  EXPECT_EQ(line["detail"], "chunk_size");
  EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 1u);
}

// A backend that takes the connection, and does not speak.
TEST(BackendFailure, WhoIsNotConnectedInTimeIsTriedElsewhere) {
  const auto in_tls = [](image::PlanT& plan) {
    plan.pools[0]->tls = std::make_unique<image::BackendTlsT>();
    plan.pools[0]->tls->verify = false;
    plan.pools[0]->connect_timeout_ms = 2000;
  };
  for (const char* service : {"shop", "raw"}) {
    SCOPED_TRACE(service);
    Site site(in_tls, 2);
    Peer client = site.client(service);
    client.send(get("/"));
    std::vector<Peer> silent;
    for (int i = 0; i < 2; ++i) {
      silent.push_back(site.origins[site.called()]->accept());
      settle(site.loop());
      site.advance(1900ms);
      EXPECT_TRUE(client.silent());
      site.advance(200ms);
    }
    const bool http = service == std::string_view("shop");
    EXPECT_THAT(http ? client.message() : client.rest(), StartsWith(http ? "HTTP/1.1 504 " : ""));
    const auto line = site.log_line();
    EXPECT_EQ(line["reason"], "connect_timeout");
    EXPECT_EQ(line["attempts"], 2);
    EXPECT_EQ(site.value("cardea_l7_backend_connect_failures_total"), 2u);
  }
}

// An HTTP/1.0 client knows the end only by the connection's.
TEST(BackendFailure, ATruncatedBodyThatEndsByTheConnectionIsReset) {
  Site site;
  Peer client = site.client();
  client.send("GET / HTTP/1.0\r\n\r\n");
  Peer backend = site.origin().accept();
  backend.message();
  backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n123\r\n");
  client.until("123");
  backend.close();
  client.rest();
  EXPECT_TRUE(client.reset());
}

TEST(BackendFailure, WhatIsNoHttpIs502) {
  const std::string big(70'000, 'a');
  const std::string rows[] = {
      "SSH-2.0-OpenSSH\r\n\r\n",
      "HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
      "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n",
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: " + big + "\r\n\r\n",
      "HTTP/1.1 200 " + big,
  };
  Site site({}, 2);
  site.update_pools([](image::PlanT& plan) { plan.pools[0]->backends[1]->state = image::BackendState::down; });
  for (const std::string& response : rows) {
    SCOPED_TRACE(response.substr(0, 70));
    Peer client = site.client();
    client.send(get("/"));
    Peer backend = site.origin().accept();
    backend.message();
    backend.send(response);
    EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 502 Bad Gateway\r\n"));
    const auto line = site.log_line();
    EXPECT_EQ(line["reason"], "bad_response");
    EXPECT_NE(line["detail"], nullptr);
    EXPECT_TRUE(backend.ended());
  }
  EXPECT_TRUE(site.origins[1]->nobody_called());
}

// A response that its backend works on, and a client that waits for it.
struct Working {
  Working() {
    client.send(get("/"));
    backend.emplace(site.origin().accept());
    backend->message();
  }
  void say(std::string_view status) {
    backend->send("HTTP/1.1 " + std::string(status) + "\r\n\r\n");
    EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 " + std::string(status)));
  }
  Site site{[](image::PlanT& plan) { plan.pools[0]->processing_timeout_ms = 100'000; }};
  Peer client = site.client();
  std::optional<Peer> backend;
};

TEST(BackendFailure, AsManyInformationalResponsesAsABackendLikesTakeTheRoomOfOne) {
  Working working;
  for (int i = 0; i < 10; ++i) working.say("103 Early Hints");
  const size_t before = working.site.loop().chunks().lent();
  for (int i = 0; i < 500; ++i) working.say("103 Early Hints");
  EXPECT_EQ(working.site.loop().chunks().lent(), before);
  working.backend->send(ok("final"));
  EXPECT_THAT(working.client.message(), HasSubstr("final"));
}

TEST(BackendFailure, OneThatSaysThatItWorksIsWaitedForUpToALimit) {
  Working working;
  for (int i = 0; i < 4; ++i) {
    working.site.advance(24s);
    working.say("102 Processing");
  }
  working.site.advance(3900ms);
  EXPECT_TRUE(working.client.silent());
  working.site.advance(200ms);
  EXPECT_THAT(working.client.message(), StartsWith("HTTP/1.1 504 "));
}

TEST(BackendFailure, HintsBuyNoTime) {
  Working working;
  working.site.advance(25s);
  working.say("103 Early Hints");
  working.site.advance(5100ms);
  EXPECT_THAT(working.client.message(), StartsWith("HTTP/1.1 504 "));
}

TEST(BackendFailure, AHeadMayBeAsLargeAsThePoolAllows) {
  for (const size_t bytes : {60'000u, 64'000u, 66'000u}) {
    SCOPED_TRACE(bytes);
    Site site;
    Peer client = site.client();
    client.send(get("/"));
    Peer backend = site.origin().accept();
    backend.message();
    backend.send(ok("body", "X: " + std::string(bytes, 'x') + "\r\n"));
    EXPECT_THAT(client.message(), StartsWith(bytes < 65'000 ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 502 "));
    settle(site.loop());
    EXPECT_EQ(site.buffers_lent(), 0u);
  }
}

// What the first one had been sent says nothing about a second, which got nothing: a third is safe.
// More of a head than kernels take at once, and 64 KB of it that the backend takes at a time.
struct LargeHead {
  LargeHead()
      : site([](image::PlanT& plan) {
          plan.services[0]->header_bytes_max = 1 << 20;
          plan.pools[0]->response_timeout_ms = 2000;
        }),
        client(site.client()) {
    client.send(get("/", "X: " + std::string(1'000'000, 'x') + "\r\n"));
    backend.emplace(site.origin().accept());
    backend->hold_little();
    settle(site.loop());  // it is being written, and time begins
  }
  // And sees more of it come, which is the progress: when kernels say so is not for a test to say.
  void take_some() {
    std::string some(64 * 1024, '\0');
    size_t left = some.size();
    const auto receive = [&](int how) { return ::recv(backend->fd(), some.data(), left, how | MSG_DONTWAIT); };
    EXPECT_TRUE(run_until(site.loop(), [&] {
      left -= size_t(std::max<ssize_t>(receive(0), 0));
      return left == 0;
    })) << left;
    left = 1;
    EXPECT_TRUE(run_until(site.loop(), [&] { return receive(MSG_PEEK) == 1; }));
    settle(site.loop());
  }
  void take_for(int seconds) {
    for (int i = 0; i < 2 * seconds; ++i) {
      site.advance(500ms);
      ASSERT_FALSE(client.ended()) << i;
      take_some();
    }
  }
  Site site;
  Peer client;
  std::optional<Peer> backend;
};

// The end of it is with the kernels early, and with the backend late.
TEST(BackendFailure, ALargeRequestIsNotAnsweredLateWhileItIsStillUnderWay) {
  LargeHead large;
  large.take_for(7);
  large.backend->head();
  large.backend->send(ok("served"));
  EXPECT_THAT(large.client.message(), HasSubstr("served"));
}

TEST(BackendFailure, ALargeRequestWhoseEndIsTakenNoFurtherIs504) {
  LargeHead large;
  large.take_for(7);
  for (int i = 0; i < 3; ++i) large.site.advance(2001ms);
  EXPECT_THAT(large.client.message(), StartsWith("HTTP/1.1 504 "));
  EXPECT_EQ(large.site.log_line()["reason"], "response_timeout");
}

TEST(BackendFailure, ALargeHeadThatIsNotTakenIs504) {
  LargeHead large;
  large.site.advance(2001ms);
  EXPECT_THAT(large.client.message(), StartsWith("HTTP/1.1 504 "));
  EXPECT_EQ(large.site.log_line()["reason"], "backend_stalled");
}

TEST(BackendFailure, BehindOneThatEndedARefusedConnectionIsTriedElsewhere) {
  Site site({}, 3);
  site.origins[1]->refuse();
  Peer client = site.client();
  client.send(get("/"));
  site.origins[0]->accept().message();
  Peer third = site.origins[2]->accept();
  third.message();
  third.send(ok("served"));
  EXPECT_THAT(client.message(), HasSubstr("served"));
  EXPECT_EQ(site.log_line()["attempts"], 3);
}

// Together they are larger than a buffer, each alone is not.
TEST(BackendFailure, AHeadBehindInformationalOnesMayCrossTheBuffersEnd) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  const std::string hint = "HTTP/1.1 103 Early Hints\r\nLink: " + std::string(6000, 'l') + "\r\n\r\n";
  backend.send(hint + ok("body", "X: " + std::string(12'000, 'x') + "\r\n"));
  client.head();
  EXPECT_THAT(client.message(), testing::AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("\r\n\r\nbody")));
}

TEST(BackendFailure, BytesBehindAResponseAreNobodysAnswer) {
  Warm warm;
  warm.client.send(get("/one"));
  warm.backend.message();
  warm.backend.send(ok("one") + ok("smuggled"));
  EXPECT_THAT(warm.client.message(), HasSubstr("\r\n\r\none"));
  warm.client.send(get("/two"));
  Peer fresh = warm.site.origin().accept();
  EXPECT_THAT(fresh.message(), StartsWith("GET /two "));
  fresh.send(ok("two"));
  EXPECT_THAT(warm.client.message(), HasSubstr("\r\n\r\ntwo"));
  EXPECT_TRUE(warm.backend.ended());
}

TEST(BackendFailure, ABackendThatSpeaksUnaskedIsNotUsed) {
  Warm warm;
  warm.backend.send(ok("unasked"));
  settle(warm.site.loop());
  warm.client.send(get("/"));
  Peer fresh = warm.site.origin().accept();
  EXPECT_THAT(fresh.message(), StartsWith("GET / "));
  fresh.send(ok("asked"));
  EXPECT_THAT(warm.client.message(), HasSubstr("\r\n\r\nasked"));
}

TEST(BackendFailure, ABodyOn204IsNobodysAnswer) {
  Warm warm;
  warm.client.send(get("/one"));
  warm.backend.message();
  warm.backend.send("HTTP/1.1 204 No Content\r\nContent-Length: 8\r\n\r\n");
  EXPECT_THAT(warm.client.head(), Not(HasSubstr("Content-Length")));
  EXPECT_TRUE(warm.backend.ended());
}

// Origin 0 breaks off every exchange, origin 1 answers them all; neither keeps its connections.
size_t serve_one(Site& site, Peer& client) {
  client.send(post("/", "once"));
  const size_t which = site.called();
  Peer its = site.origins[which]->accept();
  its.message();
  if (which == 1) its.send(ok("good"));
  its.close();
  client.message();
  settle(site.loop());
  return which;
}

TEST(BackendFailure, ThreeBrokenExchangesInARowMakeABackendSuspect) {
  Site site({}, 2);
  Peer client = site.client();
  std::string order;
  for (int i = 0; i < 12; ++i) order += std::to_string(serve_one(site, client));
  EXPECT_EQ(order, "010101111111");
  site.advance(1100ms);
  order.clear();
  for (int i = 0; i < 6; ++i) order += std::to_string(serve_one(site, client));
  EXPECT_EQ(std::ranges::count(order, '0'), 1) << "its pause is over: one tries it, in " << order;
}

TEST(BackendFailure, AClientThatLeavesFreesItsBackend) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  client.abort();
  EXPECT_TRUE(backend.ended());
  const auto line = site.log_line();
  EXPECT_EQ(line["status"], 499);
  EXPECT_EQ(line["reason"], "client_closed");
  EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 0u);
}

TEST(BackendFailure, AClientThatClosedOnlyItsHalfGetsAllItsAnswers) {
  Site site;
  Peer client = site.client();
  client.send(get("/1") + post("/2", "body") + get("/3"));
  client.finish();
  Peer backend = site.origin().accept();
  for (const char* word : {"1", "2", "3"}) {
    EXPECT_THAT(backend.message(), HasSubstr(" /" + std::string(word) + " "));
    settle(site.loop());
    backend.send(ok(word));
    EXPECT_THAT(client.message(), HasSubstr("\r\n\r\n" + std::string(word)));
  }
  EXPECT_EQ(client.rest(), "");
  EXPECT_FALSE(client.reset());
}

TEST(BackendFailure, AClientThatLeftWithoutAWordIsSeenByTheFirstBytesItDoesNotTake) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  client.close();
  settle(site.loop());
  backend.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_TRUE(run_until(site.loop(), [&] { return backend.send_what_fits("x") == 0; }));
  EXPECT_EQ(site.log_line()["reason"], "client_closed");
  EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 0u);
}

TEST(BackendFailure, AClientThatLeavesMidwayThroughItsBodyFreesItsBackend) {
  Site site;
  Peer client = site.client();
  client.send(get("/", "Content-Length: 10\r\n", "POST") + "123");
  Peer backend = site.origin().accept();
  backend.until("123");
  client.close();
  EXPECT_TRUE(backend.ended());
  EXPECT_EQ(site.log_line()["reason"], "client_closed");
}

}  // namespace
}  // namespace cardea::l7::proxy::test
