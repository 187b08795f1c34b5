// What HTTP/2 says of a request, as HTTP/1 says it: every text is read back by the strict parser.
#include "l7/http2/request_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "l7/http/framing.h"
#include "l7/http/parse_head.h"

namespace cardea::l7::http2 {
namespace {

using http::Fault;
using testing::HasSubstr;
using testing::Not;

HeaderBlock block_from_a_client() {
  static proxy::BufferBound bound(16 << 20);
  static proxy::Buffers buffers(bound);
  return {buffers, HeaderBlock::From::kClient};
}

HeaderBlock block_of(std::initializer_list<Field> fields) {
  HeaderBlock block = block_from_a_client();
  block.begin(16 * 1024);
  for (const Field& field : fields) block.add(field.name, field.value);
  return block;
}

HeaderBlock with(std::initializer_list<Field> more, std::string_view method = "GET") {
  HeaderBlock block =
      block_of({{":method", method}, {":scheme", "https"}, {":authority", "shop.example"}, {":path", "/a?b=c"}});
  for (const Field& field : more) block.add(field.name, field.value);
  return block;
}

struct Read {
  std::string text;
  Fault fault = Fault::kNone;
  http::RequestHead head;
};
// Written and read back.
std::unique_ptr<Read> read(const HeaderBlock& block, bool ended = true) {
  auto read = std::make_unique<Read>();
  std::vector<char> room(request_text_max(block));
  const auto written = write_request_text(room, block, ended);
  if (!written) {
    read->fault = written.error();
    return read;
  }
  read->text = *written;
  http::HeadScan scan;
  const auto progress = http::parse_request_head(read->text, {}, scan, read->head);
  read->fault = progress.fault;
  EXPECT_TRUE(progress.bad() || progress.at == read->text.size()) << read->text;
  return read;
}

TEST(RequestText, IsTheSameRequest) {
  const auto got = read(with({{"accept", "text/html"}, {"x-empty", ""}}));
  EXPECT_EQ(got->text,
            "GET https://shop.example/a?b=c HTTP/1.1\r\nHost: shop.example\r\naccept: text/html\r\nx-empty: \r\n\r\n");
  EXPECT_EQ(got->head.path, "/a");
  EXPECT_EQ(got->head.query, "b=c");
  EXPECT_EQ(got->head.scheme, "https");
  EXPECT_EQ(got->head.authority.text, "shop.example");
}

TEST(RequestText, TheWholeServerIsAskedWithAnAsterisk) {
  const auto got =
      read(block_of({{":method", "OPTIONS"}, {":scheme", "https"}, {":authority", "shop.example"}, {":path", "*"}}));
  EXPECT_EQ(got->fault, Fault::kNone);
  EXPECT_EQ(got->head.path, "*");
}

TEST(RequestText, HostStandsForAnAuthorityThatIsNotThere) {
  const auto got = read(block_of({{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"host", "shop.example"}}));
  EXPECT_EQ(got->head.authority.text, "shop.example");
}

TEST(RequestText, AHostThatIsNotTheAuthorityIsRefused) {
  EXPECT_EQ(read(with({{"host", "SHOP.example"}}))->fault, Fault::kNone);
  EXPECT_EQ(read(with({{"host", "other.example"}}))->fault, Fault::kHostInvalid);
}

// RFC 9113 8.3.1: no userinfo; nor anything else that is no authority or path.
TEST(RequestText, WhatIsNoTargetOfHttp1IsNoneHere) {
  const auto fault = [](std::string_view authority, std::string_view path) {
    return read(block_of({{":method", "GET"}, {":scheme", "https"}, {":authority", authority}, {":path", path}}))
        ->fault;
  };
  EXPECT_NE(fault("user@shop.example", "/"), Fault::kNone);
  EXPECT_NE(fault("shop.example/x", "/"), Fault::kNone);
  EXPECT_NE(fault("shop.example", "/a b"), Fault::kNone);
  EXPECT_NE(fault("shop.example", "/a HTTP/1.1\r\nx: y"), Fault::kNone);
  EXPECT_NE(fault("shop.example", "/a#b"), Fault::kNone);
  EXPECT_NE(fault("", "/"), Fault::kNone);
  for (const char* path : {".evil.example/", ":8080/", "?a", "", "http://evil.example/", "*x"})
    EXPECT_EQ(fault("shop.example", path), Fault::kTarget) << path;
}

// The session refuses these; were it not to, they still become nobody's header.
TEST(RequestText, WhatEndsALineOrANameIsRefused) {
  const auto fault = [](std::string_view name, std::string_view value) { return read(with({{name, value}}))->fault; };
  EXPECT_EQ(fault("x", "a\r\nhost: evil"), Fault::kControlByte);
  EXPECT_EQ(fault("x", "a\nb"), Fault::kControlByte);
  EXPECT_EQ(fault("x", std::string_view("a\0b", 3)), Fault::kControlByte);
  EXPECT_EQ(fault("cookie", "a\rb"), Fault::kControlByte);
  EXPECT_EQ(fault("x: y\r\nz", "a"), Fault::kHeaderName);
  EXPECT_EQ(fault("x:", "a"), Fault::kHeaderName);
  EXPECT_EQ(fault("", "a"), Fault::kHeaderName);
  EXPECT_EQ(fault("x", "a\tb\xff"), Fault::kNone);
  const HeaderBlock scheme = block_of(
      {{":method", "GET"}, {":scheme", "https://evil.example/"}, {":authority", "shop.example"}, {":path", "/"}});
  EXPECT_EQ(read(scheme)->fault, Fault::kTarget);
  const HeaderBlock method = block_of(
      {{":method", "GET / HTTP/1.1\r\nx:"}, {":scheme", "https"}, {":authority", "shop.example"}, {":path", "/"}});
  EXPECT_EQ(read(method)->fault, Fault::kControlByte);
}

TEST(RequestText, CookiesAreOneLine) {
  EXPECT_THAT(read(with({{"cookie", "a=1"}, {"accept", "x"}, {"cookie", "b=2"}}))->text,
              HasSubstr("\r\naccept: x\r\ncookie: a=1; b=2\r\n\r\n"));
}

TEST(RequestText, ABodyIsFramedForWhoReadsItNext) {
  const auto body = [](const HeaderBlock& block, bool ended) {
    const auto got = read(block, ended);
    return *http::request_body(got->head);
  };
  EXPECT_EQ(body(with({}, "POST"), false).kind, http::BodyKind::kChunked);
  EXPECT_EQ(body(with({{"content-length", "7"}}, "POST"), false).length, 7u);
  EXPECT_EQ(body(with({}, "GET"), false).kind, http::BodyKind::kChunked);
  EXPECT_THAT(read(with({}, "PUT"), true)->text, HasSubstr("content-length: 0\r\n"));
  EXPECT_THAT(read(with({}, "GET"), true)->text, Not(HasSubstr("content-length")));
}

// Bytes that are decoded are not held beside the fields that they were, and those of a field that is not whole are.
TEST(HeaderBlock, HoldsWhatCameAndNoMore) {
  proxy::BufferBound bound(64 << 10);
  proxy::Buffers buffers(bound);
  HeaderBlock block(buffers, HeaderBlock::From::kClient);
  block.comes(1900);
  block.begin(1 << 20);
  for (int i = 0; i < 19; ++i) block.add("name", std::string(93, 'v'));
  EXPECT_TRUE(block.hold());
  EXPECT_EQ(buffers.lent(), 2048u);
  for (int i = 0; i < 10; ++i) {
    block.comes(1500);
    EXPECT_TRUE(block.hold());
    EXPECT_EQ(buffers.lent(), i < 9 ? 16'384u : 32'768u) << i;
  }
  block.add("name", std::string(15'000, 'v'));
  EXPECT_TRUE(block.hold());
  EXPECT_EQ(buffers.lent(), 32'768u);
  block.end();
  EXPECT_EQ(buffers.lent(), 0u);
}

TEST(HeaderBlock, KeepsNoFieldWhereItFoundNoMemoryForOne) {
  proxy::BufferBound bound(16 << 10);
  proxy::Buffers buffers(bound);
  HeaderBlock block(buffers, HeaderBlock::From::kClient);
  block.begin(1 << 20);
  block.add("name", "value");
  EXPECT_FALSE(block.lacks_memory());
  block.add("name", std::string(14'000, 'v'));
  EXPECT_TRUE(block.lacks_memory()) << "a quarter is for what is under way";
  EXPECT_EQ(block.size(), 0u);
  block.add("name", "value");
  EXPECT_EQ(block.size(), 0u);
  EXPECT_EQ(block.decoded_bytes(), 14'004u + 2 * 9 + 3 * HeaderBlock::kFieldOverhead);
  block.end();
  block.begin(1 << 20);
  block.add("name", "value");
  EXPECT_EQ(block.size(), 1u);
}

TEST(HeaderBlock, IsBoundedInNumberAndInSumBeforeCookiesAreJoined) {
  HeaderBlock block = block_from_a_client();
  block.begin(1 << 20);
  for (size_t i = 0; i < HeaderBlock::kFieldsMax; ++i) block.add("cookie", "");
  EXPECT_FALSE(block.too_large());
  block.add("cookie", "");
  EXPECT_TRUE(block.too_large());
  block.begin(3 * 32 + 12);
  block.add("a", "bcd"), block.add("e", "fgh"), block.add("i", "jkl");
  EXPECT_FALSE(block.too_large());
  block.add("", "");
  EXPECT_TRUE(block.too_large());
  EXPECT_EQ(block.size(), 3u);
  EXPECT_EQ(block.decoded_bytes(), 4 * 32 + 12u) << "what is not kept counts";
}

}  // namespace
}  // namespace cardea::l7::http2
