// Backends that break the rules of HTTP/2, or keep them and do too much: what it costs is bounded, what they say is not passed
// on, and whoever asked is told by us.
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
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kFloods = "cardea_l7_backend_http2_floods_total";

struct HostileBackend : testing::Test {
  HostileBackend()
      : site([](image::PlanT& plan) {
          plan.pools[0]->http2 = image::PoolHttp2::prior_knowledge;
          plan.pools[0]->response_header_bytes_max = 2048;
        }) {}
  void SetUp() override {
    client.send(get("/"));
    backend.emplace(site);
    call = backend->next();
    site.advance(1ms);  // what comes now is later than the call
  }
  std::string repeated(const std::string& frame, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += frame;
    return all;
  }
  // The connection ends, and it is counted.
  void expect_flood() {
    EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 502 "));
    EXPECT_TRUE(backend->closed());
    EXPECT_EQ(backend->goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
    EXPECT_EQ(site.value(kFloods), 1u);
    EXPECT_EQ(site.buffers_lent(), 0u);
  }
  // This answer is none, and nothing else is wrong with its connection.
  void expect_bad_response() {
    EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 502 "));
    EXPECT_EQ(site.log_line()["reason"], "bad_response");
    client.send(get("/again"));
    backend->answer(backend->next(), "204");
    EXPECT_THAT(client.head(), StartsWith("HTTP/1.1 204 "));
    EXPECT_EQ(site.value("cardea_l7_backend_failures_total"), 1u);
  }

  Site site;
  Peer client = site.client();
  std::optional<Backend> backend;
  int32_t call = 0;
};

TEST_F(HostileBackend, PingsWithoutEnd) {
  backend->send_raw(repeated(frame(kPing, 0, 0, "12345678"), 200));
  expect_flood();
}

TEST_F(HostileBackend, SettingsWithoutEnd) {
  backend->send_raw(repeated(frame(kSettings, 0, 0), 200));
  expect_flood();
}

TEST_F(HostileBackend, EmptyDataWithoutEnd) {
  backend->answer(call, "200", {}, false);
  client.head();
  backend->send_raw(repeated(frame(kData, 0, uint32_t(call)), 500));
  EXPECT_TRUE(backend->closed());
  EXPECT_EQ(site.value(kFloods), 1u);
  EXPECT_TRUE(client.ended());
}

TEST_F(HostileBackend, FieldsWithoutEnd) {
  std::string block = field(":status", "200"), more;
  for (int i = 0; i < 100; ++i) more += field("x-bomb", std::string(100, 'x'));
  backend->send_raw(frame(kHeaders, 0, uint32_t(call), block + more));
  backend->send_raw(frame(kContinuation, 0, uint32_t(call), more) + frame(kContinuation, 0, uint32_t(call), more));
  expect_flood();
}

TEST_F(HostileBackend, AHeadThatIsTooLarge) {
  Fields fields;
  for (int i = 0; i < 30; ++i) fields.emplace_back("x-large", std::string(100, 'x'));
  backend->answer(call, "200", fields);
  expect_bad_response();
}

TEST_F(HostileBackend, ABlockThatIsNone) {
  backend->send_raw(headers(uint32_t(call), "\xff\xff\xff\xff\xff\xff\xff"));
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(backend->closed());
}

TEST_F(HostileBackend, APushThatNobodyAskedFor) {
  backend->send_raw(frame(kPushPromise, kEndHeaders, uint32_t(call), number(2, 4) + request_block("/pushed")));
  EXPECT_THAT(client.message(), StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(backend->closed());
}

TEST_F(HostileBackend, ALengthThatIsNotTheBodys) {
  backend->answer_with(call, "200", {{"content-length", "10"}}, "short");
  EXPECT_THAT(client.rest(), HasSubstr("Content-Length: 10\r\n"));
  EXPECT_EQ(site.log_line()["reason"], "response_truncated");
  EXPECT_EQ(backend->over(call).reset, NGHTTP2_PROTOCOL_ERROR);
}

TEST_F(HostileBackend, MoreThanTheLengthThatItSaid) {
  backend->answer_with(call, "200", {{"content-length", "2"}}, "long");
  const std::string all = client.rest();
  EXPECT_THAT(all, testing::Not(HasSubstr("long")));
}

TEST_F(HostileBackend, AConnectionThatIsFedByteByByte) {
  std::string bytes = headers(uint32_t(call), field(":status", "200") + field("content-length", "2"), kEndHeaders) +
                      frame(kData, kEndStream, uint32_t(call), "ok");
  for (const char byte : bytes) {
    backend->send_raw({&byte, 1});
    settle(site.loop());
  }
  EXPECT_THAT(client.message(), testing::EndsWith("\r\n\r\nok"));
}

// Fields of HTTP/1's framing, and what would be another message in its text.
struct ForbiddenField : HostileBackend, testing::WithParamInterface<std::pair<const char*, const char*>> {};

TEST_P(ForbiddenField, IsNotPassedOn) {
  const auto& [name, value] = GetParam();
  backend->send_raw(headers(uint32_t(call), field(":status", "200") + field(name, value)));
  expect_bad_response();
}

INSTANTIATE_TEST_SUITE_P(Of, ForbiddenField,
                         testing::Values(std::pair{"connection", "close"}, std::pair{"transfer-encoding", "chunked"},
                                         std::pair{"upgrade", "h2c"}, std::pair{"keep-alive", "timeout=1"},
                                         std::pair{"x-split", "a\r\nset-cookie: b=1"}, std::pair{"x y", "z"},
                                         std::pair{"X-Upper", "z"}, std::pair{":path", "/"}));

struct BadStatus : HostileBackend, testing::WithParamInterface<const char*> {};

TEST_P(BadStatus, IsNone) {
  backend->send_raw(headers(uint32_t(call), GetParam()[0] ? field(":status", GetParam()) : field("x", "y")));
  expect_bad_response();
}

INSTANTIATE_TEST_SUITE_P(Of, BadStatus, testing::Values("", "20", "2000", "abc", "101", "600"));

}  // namespace
}  // namespace cardea::l7::http2::test
