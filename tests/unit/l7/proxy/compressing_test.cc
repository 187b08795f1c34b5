// Answers compressed on their way, wherever they come from: what the client decodes is what the source said, what it is
// told about it is true, and it waits for nothing that the source has said.
#include "l7/proxy/compressing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <fstream>

#include "tests/unit/l7/compress/decode.h"
#include "tests/unit/l7/http2/client.h"
#include "tests/unit/l7/proxy/compressed.h"
#include "tests/unit/l7/runtime/allocations.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using compress::Coding;
using compress::test::decode;
using compress::test::decode_begun;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kHtml = "Content-Type: text/html\r\n";

std::string accepts(Coding coding) {
  return "Accept-Encoding: " + std::string(name(coding)) + "\r\n";
}

std::string page(size_t size) {
  std::string text;
  for (uint64_t i = 0; text.size() < size; ++i) text += "<li class=\"item\">" + std::to_string(i * 7919) + "</li>\n";
  text.resize(size);
  return text;
}

// What stands in chunks, and whether the last one came.
std::string unchunked(std::string_view chunks, bool& whole) {
  std::string body;
  for (whole = false; !chunks.empty();) {
    const size_t line = chunks.find("\r\n");
    if (line == chunks.npos) break;
    size_t size = 0;
    std::from_chars(chunks.data(), chunks.data() + line, size, 16);
    whole = size == 0;
    if (whole) break;
    body += chunks.substr(line + 2, size);
    chunks.remove_prefix(std::min(chunks.size(), line + 2 + size + 2));
  }
  return body;
}

struct Got {
  explicit Got(const std::string& message) : head(message.substr(0, message.find("\r\n\r\n") + 2)) {
    const std::string_view rest = std::string_view(message).substr(head.size() + 2);
    const bool chunked = head.find("Transfer-Encoding: chunked\r\n") != head.npos;
    body = chunked ? unchunked(rest, whole) : std::string(rest);
  }
  std::string head, body;
  bool whole = true;
};

TEST(Compressing, ABackendsAnswerOfAnyFramingAndSize) {
  for (const Coding coding : compress::kCodings) {
    for (const size_t size : {1024, 5000, 100'000, 700'000}) {
      for (const bool chunked : {false, true}) {
        SCOPED_TRACE(std::string(name(coding)) + " " + std::to_string(size) + (chunked ? " chunked" : ""));
        Compressed site;
        Peer client = site.client();
        client.send(get("/a", accepts(coding)));
        Peer backend = site.origin().accept();
        backend.message();
        const std::string body = page(size), fields = std::string(kHtml) + "ETag: \"v1\"\r\nAccept-Ranges: bytes\r\n";
        if (chunked) {
          backend.send("HTTP/1.1 200 OK\r\n" + fields + "Transfer-Encoding: chunked\r\n\r\n");
          char digits[16];
          const std::string_view hex(digits, std::to_chars(digits, digits + 16, size, 16).ptr);
          backend.send(std::string(hex) + "\r\n" + body + "\r\n0\r\n\r\n");
        } else {
          backend.send(ok(body, fields));
        }
        const Got got(client.message());
        EXPECT_THAT(got.head, AllOf(HasSubstr("Content-Encoding: " + std::string(name(coding)) + "\r\n"),
                                    HasSubstr("ETag: W/\"v1\"\r\n"), HasSubstr("Vary: Accept-Encoding\r\n"),
                                    Not(HasSubstr("Content-Length")), Not(HasSubstr("Accept-Ranges"))));
        EXPECT_TRUE(got.whole);
        EXPECT_TRUE(decode(coding, got.body) == body);
        EXPECT_LT(got.body.size(), size / 2);
        EXPECT_EQ(site.log_line()["compression"], name(coding));
        const std::string label = "encoding=\"" + std::string(name(coding)) + '"';
        EXPECT_EQ(site.value("cardea_l7_compressed_responses_total", label), 1u);
        EXPECT_EQ(site.value("cardea_l7_compressed_bytes_total", label + ",direction=\"in\""), size);
        EXPECT_EQ(site.value("cardea_l7_compressed_bytes_total", label + ",direction=\"out\""), got.body.size());
        client.send(get("/b"));  // the connection goes on
        backend.message();
        backend.send(ok("plain"));
        EXPECT_THAT(client.message(), HasSubstr("\r\n\r\nplain"));
      }
    }
  }
}

TEST(Compressing, HeadHasTheSameHeadAndWhoTakesNoneHearsThatOthersDo) {
  Compressed site;
  Peer client = site.client();
  client.send(get("/a", accepts(Coding::kGzip), "HEAD"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"v1\"\r\nContent-Length: 5000\r\n\r\n");
  EXPECT_THAT(client.head(), AllOf(HasSubstr("Content-Encoding: gzip\r\n"), HasSubstr("ETag: W/\"v1\"\r\n"),
                                   HasSubstr("Vary: Accept-Encoding\r\n"), Not(HasSubstr("Content-Length"))));
  EXPECT_EQ(site.value("cardea_l7_compressed_responses_total"), 0u);
  client.send(get("/a"));
  backend.message();
  backend.send(ok(page(2000), kHtml));
  const std::string plain = client.message();
  EXPECT_THAT(plain, AllOf(HasSubstr("Vary: Accept-Encoding\r\n"), HasSubstr("Content-Length: 2000\r\n"),
                           Not(HasSubstr("Content-Encoding"))));
  site.log_line();
  EXPECT_EQ(site.log_line()["compression"], "unwanted");
}

TEST(Compressing, EachEventIsSentWhenTheBackendPauses) {
  for (const Coding coding : compress::kCodings) {
    Compressed site;
    Peer client = site.client();
    client.send(get("/a", accepts(coding)));
    Peer backend = site.origin().accept();
    backend.message();
    backend.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    settle(site.loop());
    site.advance(2ms);
    EXPECT_THAT(client.head(), HasSubstr("Content-Encoding: " + std::string(name(coding)) + "\r\n"))
        << "the head does not wait for the first event";
    std::string came, said;
    for (const std::string event : {"data: one\n\n", "data: two\n\n", "data: three\n\n"}) {
      backend.send("b\r\n" + event.substr(0, 11) + "\r\n");
      said += event.substr(0, 11);
      settle(site.loop());
      site.advance(2ms);
      settle(site.loop());
      came += client.what_came();
      bool whole = true;
      EXPECT_EQ(decode_begun(coding, unchunked(came, whole)), said);
      EXPECT_FALSE(whole);
    }
    EXPECT_LE(site.buffers_lent(), Buffers::kFirst) << "nothing but the request's head is held while nothing moves";
    backend.send("0\r\n\r\n");
    bool whole = false;
    came += client.until("0\r\n\r\n");
    EXPECT_EQ(decode(coding, unchunked(came, whole)), said);
    EXPECT_TRUE(whole);
  }
}

TEST(Compressing, AnAnswerThatIsCutOffIsNoWholeOne) {
  Compressed site;
  Peer client = site.client();
  client.send(get("/a", accepts(Coding::kGzip)));
  Peer backend = site.origin().accept();
  backend.message();
  const std::string whole = ok(page(100'000), kHtml);
  backend.send(std::string_view(whole).substr(0, 60'000));
  settle(site.loop());
  site.advance(2ms);
  settle(site.loop());
  backend.close();
  const Got got(client.rest());
  EXPECT_EQ(decode_begun(Coding::kGzip, got.body), page(100'000).substr(0, 60'000 - whole.find("<li")));
  EXPECT_FALSE(got.whole);
  EXPECT_EQ(site.log_line()["reason"], "response_truncated");
  settle(site.loop());
  EXPECT_EQ(site.value("cardea_l7_compression_bytes"), compress::memory_max(Coding::kGzip, 5)) << "kept, not lost";
}

TEST(Compressing, AFixedAnswerAndAFile) {
  ScratchFolder folder;
  const std::string body = page(150'000);
  std::ofstream(folder.file("a.html")) << body;
  Compressed site([&](image::PlanT& plan) {
    image::RespondT text;
    text.content_type = "text/html", text.body = page(3000);
    image::FilesT files;
    files.root = folder.file("");
    files.prefix = "/";
    plan.services[0]->routes.push_back(route("/text", text));
    plan.services[0]->routes.push_back(route("/files/", files));
  });
  Peer client = site.client();
  for (const Coding coding : compress::kCodings) {
    client.send(get("/text", accepts(coding)));
    const Got text(client.message());
    EXPECT_THAT(text.head, HasSubstr("Content-Encoding: " + std::string(name(coding)) + "\r\n"));
    EXPECT_EQ(decode(coding, text.body), page(3000));
    client.send(get("/files/a.html", accepts(coding)));
    const Got file(client.message());
    EXPECT_THAT(file.head, AllOf(HasSubstr("Content-Encoding: " + std::string(name(coding)) + "\r\n"),
                                 HasSubstr("ETag: W/\""), Not(HasSubstr("Accept-Ranges"))));
    EXPECT_TRUE(decode(coding, file.body) == body);
    const size_t at = file.head.find("ETag: ") + 6;
    const std::string tag = file.head.substr(at, file.head.find("\r\n", at) - at);
    client.send(get("/files/a.html", accepts(coding) + "If-None-Match: " + tag + "\r\n"));
    EXPECT_THAT(client.head(), AllOf(StartsWith("HTTP/1.1 304 "), HasSubstr("ETag: " + tag + "\r\n"),
                                     HasSubstr("Vary: Accept-Encoding\r\n")));
    client.send(get("/files/a.html", accepts(coding) + "Range: bytes=0-99\r\n"));
    const Got part(client.message());
    EXPECT_THAT(part.head, AllOf(StartsWith("HTTP/1.1 206 "), Not(HasSubstr("Content-Encoding"))));
    EXPECT_EQ(part.body, body.substr(0, 100));
    client.send(get("/files/a.html", accepts(coding), "HEAD"));
    EXPECT_THAT(client.head(), AllOf(HasSubstr("Content-Encoding: "), Not(HasSubstr("Content-Length"))));
  }
}

// The cache keeps what the backend said, and each client gets it as it takes it.
TEST(Compressing, WhatIsCachedIsForEveryClient) {
  Compressed site;
  Peer client = site.client();
  client.send(get("/cached/a", accepts(Coding::kBrotli)));
  Peer backend = site.origin().accept();
  backend.message();
  const std::string body = page(50'000);
  backend.send(ok(body, std::string(kHtml) + "Cache-Control: max-age=60\r\nETag: \"v1\"\r\n"));
  EXPECT_TRUE(decode(Coding::kBrotli, Got(client.message()).body) == body);
  for (const Coding coding : compress::kCodings) {
    client.send(get("/cached/a", accepts(coding)));
    const Got got(client.message());
    EXPECT_THAT(got.head, AllOf(HasSubstr("Cache-Status: cardea; hit"), HasSubstr("ETag: W/\"v1\"\r\n"),
                                HasSubstr("Content-Encoding: " + std::string(name(coding)) + "\r\n")));
    EXPECT_TRUE(decode(coding, got.body) == body);
  }
  client.send(get("/cached/a"));
  const Got plain(client.message());
  EXPECT_THAT(plain.head, AllOf(Not(HasSubstr("Content-Encoding")), HasSubstr("ETag: \"v1\"\r\n"),
                                HasSubstr("Vary: Accept-Encoding\r\n")));
  EXPECT_EQ(plain.body, body);
  client.send(get("/cached/a", accepts(Coding::kGzip) + "If-None-Match: W/\"v1\"\r\n"));
  EXPECT_THAT(client.head(), AllOf(StartsWith("HTTP/1.1 304 "), HasSubstr("ETag: W/\"v1\"\r\n")));
  EXPECT_TRUE(backend.silent());
}

TEST(Compressing, WithoutMemoryForItAnAnswerGoesOutAsItIs) {
  Compressed site([](image::PlanT& plan) { plan.settings->compression_bytes_max = 300 * 1024; });
  Peer first = site.client(), second = site.client();
  first.send(get("/a", accepts(Coding::kGzip)));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  settle(site.loop());
  site.advance(2ms);
  first.head();
  second.send(get("/b", accepts(Coding::kGzip)));
  Peer other = site.origin().accept();
  other.message();
  other.send(ok(page(2000), std::string(kHtml) + "ETag: \"v\"\r\n"));
  const Got got(second.message());
  EXPECT_THAT(got.head, AllOf(Not(HasSubstr("Content-Encoding")), HasSubstr("Content-Length: 2000\r\n"),
                              HasSubstr("ETag: \"v\"\r\n"), HasSubstr("Vary: Accept-Encoding\r\n")));
  EXPECT_EQ(got.body, page(2000));
  EXPECT_EQ(site.value("cardea_l7_compressions_refused_total"), 1u);
  EXPECT_EQ(site.log_line()["compression"], "busy");
}

TEST(Compressing, ByHttp2) {
  Compressed site([](image::PlanT& plan) { plan.services[0]->http2 = true; });
  for (const Coding coding : compress::kCodings) {
    http2::test::Client client(site);
    const int32_t call = client.ask("/a", {{"accept-encoding", std::string(name(coding))}});
    Peer backend = site.origin().accept();
    backend.message();
    const std::string body = page(200'000);
    backend.send(ok(body, std::string(kHtml) + "Connection: close\r\n"));
    backend.close();
    const http2::test::Answer& answer = client.answer(call);
    EXPECT_TRUE(answer.ended);
    EXPECT_EQ(answer.value("content-encoding"), name(coding));
    EXPECT_EQ(answer.value("vary"), "Accept-Encoding");
    EXPECT_EQ(answer.value("content-length"), "");
    EXPECT_TRUE(decode(coding, answer.body) == body);
  }
}

TEST(Compressing, ACompressedExchangeAllocatesNothing) {
  for (const Coding coding : compress::kCodings) {
    Compressed site;
    Peer client = site.client();
    const std::string request = get("/a", accepts(coding)), answer = ok(page(3000), kHtml);
    client.send(request);
    Peer backend = site.origin().accept();
    const auto exchange = [&](bool first) {
      if (!first) client.send(request);
      backend.message();
      backend.send(answer);
      return client.message().size();
    };
    exchange(true);
    for (int i = 0; i < 20; ++i) exchange(false);
    const uint64_t all = allocations();
    exchange(false);
    const uint64_t one = allocations() - all;
    Peer plain = site.client();  // what the test itself allocates an exchange
    const std::string bare = get("/a");
    plain.send(bare);
    backend.message(), backend.send(answer), plain.message();
    const uint64_t before = allocations();
    plain.send(bare);
    backend.message(), backend.send(answer), plain.message();
    EXPECT_LE(one, allocations() - before) << name(coding);
  }
}

}  // namespace
}  // namespace cardea::l7::proxy::test
