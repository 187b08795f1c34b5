// The cache as an exchange uses it: what is served to whom, for how long, and what makes it forget.
#include <gtest/gtest.h>

#include <tuple>

#include "l7/cache/cache.h"
#include "tests/unit/l7/cache/exchange.h"

namespace cardea::l7::cache {
namespace {

using test::Answer;
using test::ask;
using test::Asked;
using test::body_of;
using test::kNow;
using test::kRoomy;
using test::store;

constexpr std::string_view kMinute = "Cache-Control: max-age=60\r\n";

TEST(Cache, ServesWhatWasStored) {
  Cache cache(kRoomy);
  EXPECT_EQ(ask(cache, Asked("GET /a?x")), "miss");
  ASSERT_TRUE(store(cache, Asked("GET /a?x"), "hello",
                    "Cache-Control: max-age=60\r\nAge: 5\r\nConnection: X-Hop\r\nX-Hop: 1\r\nETag: \"e\"\r\n"));
  const Lookup lookup = cache.find(*Asked("HEAD /a?x", "", kNow + 10));
  ASSERT_EQ(lookup.result, Result::kHit);
  EXPECT_EQ(lookup.age, 15u);
  EXPECT_EQ(lookup.fresh_for, 45);
  const Stored served = stored(*lookup.object);
  EXPECT_EQ(served.head.status, 200);
  EXPECT_EQ(served.body_size, 5u);
  EXPECT_EQ(body_of(*lookup.object), "hello");
  EXPECT_EQ(entity_tag(*lookup.object), "\"e\"");
  EXPECT_EQ(last_modified(*lookup.object), "");
  using http::HeaderId;
  EXPECT_EQ(served.head.headers.value(HeaderId::kContentLength), "5");
  EXPECT_EQ(served.head.headers.value(HeaderId::kDate), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_FALSE(served.head.headers.has(HeaderId::kAge));
  EXPECT_FALSE(served.head.headers.has(HeaderId::kConnection));
  EXPECT_EQ(served.head.headers.size(), 4u);  // Cache-Control, ETag, Date, Content-Length
}

TEST(Cache, AStatusLineWithoutReasonIsStoredToo) {
  Cache cache(kRoomy);
  ASSERT_TRUE(store(cache, Asked("GET /a"), "", kMinute, "404 "));
  const Lookup lookup = cache.find(*Asked("GET /a"));
  ASSERT_EQ(lookup.result, Result::kHit);
  EXPECT_EQ(stored(*lookup.object).head.status, 404);
}

// What a client can change, and whether that is another object.
TEST(Cache, KeysWhateverABackendCanAnswerDifferentlyTo) {
  struct Row {
    const char *line, *headers;
    bool same;
  };
  const Row rows[] = {
      {"GET /a", "Host: SHOP.com\r\n", true},
      {"GET /a", "Host: shop.com:443\r\n", true},
      {"GET /a", "Host: shop.com:80\r\n", false},
      {"GET /a", "Host: shop.com:8443\r\n", false},
      {"GET /a", "Host: shop.com.\r\n", true},
      {"GET /a", "Host: shop.com.:443\r\n", true},
      {"GET /a", "Host: shop.com:\r\n", true},
      {"GET /a", "Host: shop.com.:80\r\n", false},
      {"GET /a", "Host: www.shop.com\r\n", false},
      {"GET /%61", "", false},
      {"GET /a/", "", false},
      {"GET /A", "", false},
      {"GET /a?", "", false},
      {"GET /a?x", "", false},
      {"GET https://shop.com/a", "Host: evil.example\r\n", true},
      {"GET https://evil.example/a", "Host: shop.com\r\n", false},
      {"GET /a", "Host: shop.com\r\nX-Forwarded-Host: evil.example\r\n", true},
  };
  for (const Row& row : rows) {
    Cache cache(kRoomy);
    ASSERT_TRUE(store(cache, Asked("GET /a"), "body", kMinute));
    EXPECT_EQ(ask(cache, Asked(row.line, row.headers)), row.same ? "hit body" : "miss")
        << row.line << " " << row.headers;
  }
  Cache cache(kRoomy);
  ASSERT_TRUE(store(cache, Asked("GET /a"), "body", kMinute));
  EXPECT_EQ(ask(cache, Asked("GET /a").scheme("http")), "miss");
  EXPECT_EQ(ask(cache, Asked("GET /a").pool("other")), "miss");
  EXPECT_EQ(ask(cache, Asked("GET /a").port(8443)), "miss") << "X-Forwarded-Port tells the backend";
}

TEST(Cache, AUrlIsPurgedAtEveryPortAndInvalidatedToo) {
  Cache cache(kRoomy);
  for (const uint16_t port : {443, 8443}) ASSERT_TRUE(store(cache, Asked("GET /a").port(port), "body", kMinute));
  EXPECT_EQ(cache.figures().objects, 2u);
  cache.invalidate(*Asked("POST /a").port(443));
  EXPECT_EQ(cache.figures().objects, 0u);
  for (const uint16_t port : {443, 8443}) ASSERT_TRUE(store(cache, Asked("GET /a").port(port), "body", kMinute));
  EXPECT_EQ(cache.purge("https", "Shop.com.", "/a"), 2u);
  EXPECT_EQ(cache.purge("https", "no host", "/a"), 0u);
}

TEST(Cache, AWriteForgetsWhatItsPoolSaidInWhateverWayItWasAsked) {
  Cache cache(kRoomy);
  for (const char* pool : {"web", "web\nhost\n/v2/\n/", "web\n\n=X: 1\n\rann", "web2"})
    ASSERT_TRUE(store(cache, Asked("GET /a").pool(pool), "body", kMinute));
  EXPECT_EQ(cache.figures().objects, 4u);
  cache.invalidate(*Asked("POST /a").pool("web\n\n=X: 2"));
  EXPECT_EQ(cache.figures().objects, 1u);
  EXPECT_EQ(ask(cache, Asked("GET /a").pool("web2")), "hit body");
}

TEST(Cache, WhatMustBeAskedForEachTimeIsKeptWhereItCanBeAskedFor) {
  Cache cache(kRoomy);
  ASSERT_TRUE(store(cache, Asked("GET /a"), "body", "Cache-Control: no-cache\r\nETag: \"1\"\r\n"));
  for (int64_t later : {0, 1, 5000}) {
    const Asked again("GET /a", "", kNow + later);
    EXPECT_EQ(ask(cache, again), "stale");
    Lookup lookup = cache.find(*again);
    EXPECT_FALSE(lookup.may_serve_stale);
    const Answer answer("304 Not Modified", "ETag: \"1\"\r\n");
    const ObjectPointer renewed = cache.refresh(*again, std::move(lookup.object), *answer);
    ASSERT_TRUE(renewed);
    EXPECT_EQ(body_of(*renewed), "body");
  }
  EXPECT_EQ(ask(cache, Asked("GET /a", "Cache-Control: only-if-cached\r\n")), "only_cached");
  EXPECT_EQ(ask(cache, Asked("GET /a", "Cache-Control: max-stale\r\n")), "stale");
}

TEST(Cache, AnAnswerWithoutContentIsKept) {
  Cache cache(kRoomy);
  const Asked asked("GET /a");
  const Answer answer("204 No Content", kMinute);
  const auto writer = cache.begin(*asked, *answer, {});
  ASSERT_TRUE(writer);
  writer->finish();
  const Lookup lookup = cache.find(*asked);
  ASSERT_EQ(lookup.result, Result::kHit);
  EXPECT_EQ(stored(*lookup.object).head.status, 204);
  EXPECT_EQ(stored(*lookup.object).body_size, 0u);
}

TEST(Cache, HowLongAFailureMayBeHiddenIsSetWhereNobodySaysIt) {
  const auto may_hide = [](uint32_t setting, std::string_view said, int64_t stale_for) {
    Cache cache({.memory_bytes = 4 << 20, .object_bytes_max = 1 << 20, .stale_on_error = setting});
    EXPECT_TRUE(store(cache, Asked("GET /a"), "body", said));
    return cache.find(*Asked("GET /a", "", kNow + 60 + stale_for)).may_serve_stale;
  };
  EXPECT_TRUE(may_hide(3600, kMinute, 3600));
  EXPECT_FALSE(may_hide(3600, kMinute, 3601));
  EXPECT_TRUE(may_hide(10, kMinute, 10));
  EXPECT_FALSE(may_hide(10, kMinute, 11));
  EXPECT_FALSE(may_hide(0, kMinute, 0)) << "0: never";
  EXPECT_TRUE(may_hide(0, "Cache-Control: max-age=60, stale-if-error=5\r\n", 5)) << "but where it was said";
  EXPECT_FALSE(may_hide(3600, "Cache-Control: max-age=60, stale-if-error=5\r\n", 6));
  EXPECT_FALSE(may_hide(3600, "Cache-Control: max-age=60, must-revalidate\r\n", 1));
}

TEST(Cache, BypassesWhatIsNotOneWholeObject) {
  Cache cache(kRoomy);
  ASSERT_TRUE(store(cache, Asked("GET /a"), "body", kMinute));
  EXPECT_EQ(ask(cache, Asked("GET /b", "Range: bytes=0-1\r\n")), "bypass");
  EXPECT_EQ(ask(cache, Asked("GET /a", "Range: bytes=0-1\r\n").at(kNow + 61)), "bypass") << "the backend's to serve";
  EXPECT_EQ(ask(cache, Asked("POST /a")), "bypass");
  EXPECT_EQ(ask(cache, Asked("GET /a", "Content-Length: 3\r\n")), "bypass");
  EXPECT_EQ(ask(cache, Asked("GET /" + std::string(5000, 'a'))), "bypass");
  EXPECT_EQ(ask(cache, Asked("GET /b", "Cache-Control: no-store\r\n")), "bypass");
  EXPECT_EQ(ask(cache, Asked("GET /b", "Cache-Control: only-if-cached\r\n")), "only_cached");
  EXPECT_EQ(ask(cache, Asked("GET /a", "Cache-Control: only-if-cached\r\n")), "hit body");
  EXPECT_EQ(ask(cache, Asked("GET /a", "Cache-Control: only-if-cached\r\n").at(kNow + 61)), "only_cached");
}

// So that nobody is made to wait for a whole response that is not to be kept; but not for ever, and not for what only
// one request was refused for.
TEST(Cache, RemembersForAWhileWhatItCouldNotKeep) {
  const auto known = [](Cache& cache, int64_t after) {
    return cache.find(*Asked("GET /a", "", kNow + after)).uncacheable;
  };
  const std::tuple<const char*, const char*, bool> rows[] = {
      {"", "Cache-Control: no-store\r\n", true},
      {"", "Cache-Control: max-age=60\r\nSet-Cookie: a=b\r\n", true},
      {"", "Cache-Control: max-age=60\r\nVary: *\r\n", true},
      {"", "Cache-Control: max-age=60\r\nVary: X-Real-IP\r\n", true},
      {"", "", true},
      {"Range: bytes=0-1\r\n", "Cache-Control: no-store\r\n", false},
      {"Cache-Control: no-store\r\n", "Cache-Control: max-age=60\r\n", false},
      {"X-Original-URL: /b\r\n", "Cache-Control: no-store\r\n", false}};
  for (const auto& [request, response, remembered] : rows) {
    Cache cache(kRoomy);
    const Asked asked("GET /a", request);
    EXPECT_FALSE(store(cache, asked, "x", response));
    EXPECT_EQ(known(cache, 59), remembered) << request << response;
    EXPECT_FALSE(known(cache, 60));
    EXPECT_FALSE(cache.find(*Asked("GET /b")).uncacheable);
  }
  Cache small({.memory_bytes = 4 << 20, .object_bytes_max = 3});
  EXPECT_FALSE(store(small, Asked("GET /a"), "long", "Cache-Control: max-age=60\r\n"));
  EXPECT_TRUE(known(small, 1));
  EXPECT_TRUE(store(small, Asked("GET /a"), "few", "Cache-Control: max-age=60\r\n"));
  EXPECT_FALSE(known(small, 1)) << "it is there";
  EXPECT_FALSE(small.find(*Asked("GET /a", "Authorization: Basic eA==\r\n", kNow + 1)).uncacheable)
      << "though not for everybody";
  EXPECT_FALSE(store(small, Asked("GET /c"), "", "", "304 Not Modified"));
  EXPECT_FALSE(small.find(*Asked("GET /c")).uncacheable);
}

TEST(Cache, WhoSaysWhoHeIsGetsOnlyWhatIsForAll) {
  Cache cache(kRoomy);
  ASSERT_TRUE(store(cache, Asked("GET /a"), "body", kMinute));
  EXPECT_EQ(ask(cache, Asked("GET /a", "Authorization: Basic eDp5\r\n")), "miss");
  ASSERT_TRUE(store(cache, Asked("GET /a", "Authorization: Basic eDp5\r\n"), "all", "Cache-Control: s-maxage=60\r\n"));
  EXPECT_EQ(ask(cache, Asked("GET /a", "Authorization: Basic eDp5\r\n")), "hit all");
  EXPECT_EQ(ask(cache, Asked("GET /a")), "hit all");
  ASSERT_TRUE(store(cache, Asked("GET /g"), "guess", "Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT\r\n"));
  EXPECT_EQ(ask(cache, Asked("GET /g")), "hit guess");
  EXPECT_EQ(ask(cache, Asked("GET /g", "Cookie: session=1\r\n")), "miss");
}

TEST(Cache, TellsVariantsApartAndKeepsAFew) {
  Cache cache(kRoomy);
  const auto encoding = [](int i) { return "Accept-Encoding: e" + std::to_string(i) + "\r\n"; };
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(store(cache, Asked("GET /a", encoding(i)), std::to_string(i),
                      "Cache-Control: max-age=60\r\nVary: Accept-Encoding\r\n"));
  }
  EXPECT_EQ(ask(cache, Asked("GET /a", encoding(19))), "hit 19");
  EXPECT_EQ(ask(cache, Asked("GET /a", encoding(4))), "hit 4");
  EXPECT_EQ(ask(cache, Asked("GET /a", encoding(3))), "miss");  // the oldest left: sixteen a URL
  EXPECT_EQ(ask(cache, Asked("GET /a")), "miss");
  EXPECT_EQ(cache.figures().objects, 16u);
  // The same variant again is the same object.
  ASSERT_TRUE(
      store(cache, Asked("GET /a", encoding(19)), "new", "Cache-Control: max-age=60\r\nVary: accept-encoding\r\n"));
  EXPECT_EQ(ask(cache, Asked("GET /a", encoding(19))), "hit new");
  EXPECT_EQ(cache.figures().objects, 16u);
  // The backend's newest word about Vary is for the whole URL.
  ASSERT_TRUE(store(cache, Asked("GET /a", encoding(7)), "any", kMinute));
  EXPECT_EQ(ask(cache, Asked("GET /a", encoding(19))), "hit any");
  EXPECT_EQ(cache.figures().objects, 1u);
  EXPECT_EQ(cache.purge("https", "Shop.com:443", "/a"), 1u);
}

TEST(Cache, PurgesAllVariantsOfOneUrl) {
  Cache cache(kRoomy);
  for (const char* encoding : {"gzip", "br"}) {
    const std::string header = "Accept-Encoding: " + std::string(encoding) + "\r\n";
    for (const char* pool : {"web", "other"}) {
      ASSERT_TRUE(store(cache, Asked("GET /a?x=1", header).pool(pool), encoding,
                        "Cache-Control: max-age=60\r\nVary: Accept-Encoding\r\n"));
    }
  }
  ASSERT_TRUE(store(cache, Asked("GET /a?x=2"), "2", kMinute));
  EXPECT_EQ(cache.purge("https", "shop.com", "/a?x=1"), 4u);
  EXPECT_EQ(cache.purge("https", "shop.com", "/a?x=1"), 0u);
  EXPECT_EQ(cache.purge("http", "shop.com", "/a?x=2"), 0u);
  EXPECT_EQ(ask(cache, Asked("GET /a?x=1", "Accept-Encoding: br\r\n")), "miss");
  EXPECT_EQ(ask(cache, Asked("GET /a?x=2")), "hit 2");
  EXPECT_EQ(cache.figures().purged, 4u);
}

TEST(Cache, AnUnsafeMethodInvalidatesItsUrl) {
  Cache cache(kRoomy);
  ASSERT_TRUE(store(cache, Asked("GET /a"), "1", kMinute));
  ASSERT_TRUE(store(cache, Asked("GET /a").pool("other"), "2", kMinute));
  cache.invalidate(*Asked("POST /a"));
  EXPECT_EQ(ask(cache, Asked("GET /a")), "miss");
  EXPECT_EQ(ask(cache, Asked("GET /a").pool("other")), "hit 2");
}

TEST(Cache, WhatWasAskedForBeforeAPurgeDoesNotComeInAfterIt) {
  Cache cache(kRoomy);
  Asked asked("GET /a");
  const uint64_t empty = cache.figures().bytes;
  const Answer answer("200 OK", kMinute);
  for (const char* before : {"", "/a", "/b"}) {
    for (const char* while_it_came : {"/a", "/b"}) {
      for (const auto& framing : {test::length(3), test::kChunked}) {
        asked.since(cache.find(*asked).since);
        cache.purge("https", "shop.com", before);
        auto writer = cache.begin(*asked, *answer, framing);
        ASSERT_TRUE(writer && writer->append("old"));
        cache.purge("https", "shop.com", while_it_came);
        writer->finish();
        const bool purged = std::string_view("/a") == before || std::string_view("/a") == while_it_came;
        EXPECT_EQ(ask(cache, asked), purged ? "miss" : "hit old");
        writer.reset();
        EXPECT_EQ(cache.figures().bytes > empty, !purged) << "it leaves nothing";
        cache.purge("https", "shop.com", "/a");
      }
    }
  }
  asked.since(cache.find(*asked).since);
  auto writer = cache.begin(*asked, *answer, test::length(3));
  for (int i = 0; i < 100; ++i) cache.purge("https", "shop.com", "/" + std::to_string(i));
  cache.purge("https", "shop.com", "/a");
  for (int i = 0; i < 5000; ++i) cache.purge("https", "shop.com", "/" + std::to_string(i));  // more than are remembered
  ASSERT_TRUE(writer->append("old"));
  writer->finish();
  EXPECT_EQ(ask(cache, asked), "miss");
}

// So many removals are remembered; who asked before one that is forgotten cannot tell.
TEST(Cache, APurgeIsNotForgottenBehindOthers) {
  for (int others = 60; others < 70; ++others) {
    Cache cache({.memory_bytes = 1 << 20, .object_bytes_max = 1000});  // one stripe
    Asked asked("GET /a");
    const Answer answer("200 OK", kMinute);
    asked.since(cache.find(*asked).since);
    cache.purge("https", "shop.com", "/a");
    for (int i = 0; i < others; ++i) cache.purge("https", "shop.com", "/" + std::to_string(i));
    auto writer = cache.begin(*asked, *answer, test::length(3));
    ASSERT_TRUE(writer && writer->append("old"));
    writer->finish();
    EXPECT_EQ(ask(cache, asked), "miss") << others;
  }
}

TEST(Cache, WhatWasPurgedWhileItsBackendWasAskedIsNotRenewed) {
  Cache cache(kRoomy);
  for (const bool purged : {true, false}) {
    ASSERT_TRUE(store(cache, Asked("GET /a"), "old", "Cache-Control: max-age=60\r\nETag: \"1\"\r\n"));
    Asked later("GET /a", "", kNow + 60);
    Lookup lookup = cache.find(*later);
    cache.purge("https", "shop.com", purged ? "/a" : "/b");
    const Answer answer("304 Not Modified", "ETag: \"1\"\r\n");
    EXPECT_TRUE(cache.refresh(*later.since(lookup.since), std::move(lookup.object), *answer));
    EXPECT_EQ(ask(cache, later), purged ? "miss" : "hit old");
  }
}

TEST(Cache, A304ThatComesLateDoesNotBringTheOldBodyBack) {
  Cache cache(kRoomy);
  constexpr std::string_view kTagged = "Cache-Control: max-age=60\r\nETag: \"1\"\r\n";
  ASSERT_TRUE(store(cache, Asked("GET /a"), "old", kTagged));
  const Asked later("GET /a", "", kNow + 60);
  Lookup lookup = cache.find(*later);
  ASSERT_TRUE(store(cache, Asked("GET /a", "", kNow + 60), "new", kMinute));
  const Answer answer("304 Not Modified", "");
  EXPECT_TRUE(cache.refresh(*later, std::move(lookup.object), *answer));
  EXPECT_EQ(ask(cache, later), "hit new");
}

TEST(Cache, AWriterThatIsDroppedLeavesNothing) {
  Cache cache(kRoomy);
  const uint64_t empty = cache.figures().bytes;
  const Answer answer("200 OK", kMinute);
  for (const auto& framing : {test::length(100), test::kChunked}) {
    auto writer = cache.begin(*Asked("GET /a"), *answer, framing);
    ASSERT_TRUE(writer->append("half of i"));
    EXPECT_GT(cache.figures().bytes, empty);
    EXPECT_EQ(ask(cache, Asked("GET /a")), "miss");
    writer.reset();
    EXPECT_EQ(cache.figures().bytes, empty);
  }
  // Nor one that was promised more, or less, than came.
  auto writer = cache.begin(*Asked("GET /a"), *answer, test::length(4));
  EXPECT_FALSE(writer->append("five!"));
  EXPECT_TRUE(writer->append("thr"));
  writer->finish();
  EXPECT_EQ(ask(cache, Asked("GET /a")), "miss");
  writer.reset();
  EXPECT_EQ(cache.figures().bytes, empty);
}

TEST(Cache, BodiesOfUnknownLengthGrowInPieces) {
  Cache cache(kRoomy);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{5000}, size_t{65536}, size_t{65537}, size_t{1} << 20}) {
    std::string body(size, 'x');
    for (size_t i = 0; i < size; ++i) body[i] = char(i * 2654435761u >> 13);
    const Answer answer("200 OK", "Cache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n");
    auto writer = cache.begin(*Asked("GET /a"), *answer, test::kChunked);
    for (size_t at = 0; at < size; at += 1300) ASSERT_TRUE(writer->append(std::string_view(body).substr(at, 1300)));
    writer->finish();
    const Lookup lookup = cache.find(*Asked("GET /a"));
    ASSERT_EQ(lookup.result, Result::kHit);
    EXPECT_EQ(stored(*lookup.object).body_size, size);
    EXPECT_EQ(stored(*lookup.object).body.size() == 1, size <= 65536);
    EXPECT_EQ(stored(*lookup.object).head.headers.value(http::HeaderId::kContentLength), std::to_string(size));
    EXPECT_TRUE(body_of(*lookup.object) == body);
  }
}

TEST(Cache, RefreshRenewsHeadersAndKeepsTheBody) {
  Cache cache(kRoomy);
  const Asked later("GET /a", "", kNow + 100);
  for (const char* body : {"small", "other"}) {
    ASSERT_TRUE(store(cache, Asked("GET /a"), body,
                      "ETag: \"1\"\r\nCache-Control: max-age=60\r\nX-Kept: 1\r\nX-News: old\r\nContent-Type: a/b\r\n"));
    for (int round = 0; round < 3; ++round) {
      Lookup lookup = cache.find(*later);
      if (round == 0) {
        ASSERT_EQ(lookup.result, Result::kStale);
      }
      const Answer answer("304 Not Modified",
                          "ETag: \"1\"\r\nCache-Control: max-age=30\r\nx-news: new\r\nContent-Type: c/d\r\n"
                          "Content-Length: 0\r\nSet-Cookie: a=b\r\nAge: 3\r\n");
      const ObjectPointer renewed = cache.refresh(*later, std::move(lookup.object), *answer);
      ASSERT_TRUE(renewed);
      EXPECT_EQ(body_of(*renewed), body);
    }
    const Lookup again = cache.find(*Asked("GET /a", "", kNow + 101));
    ASSERT_EQ(again.result, Result::kHit);
    EXPECT_EQ(again.age, 4u);
    EXPECT_EQ(again.fresh_for, 26);
    const Stored served = stored(*again.object);
    EXPECT_EQ(served.head.status, 200);
    EXPECT_EQ(served.head.headers.value(http::HeaderId::kContentType), "a/b");
    EXPECT_EQ(served.head.headers.value(http::HeaderId::kContentLength), "5");
    EXPECT_EQ(served.head.headers.value(http::HeaderId::kDate), "Sun, 06 Nov 1994 08:51:17 GMT");
    EXPECT_FALSE(served.head.headers.has(http::HeaderId::kSetCookie));
    std::string others;
    for (const auto& header : served.head.headers) {
      if (header.id() == http::HeaderId::kOther)
        others.append(header.name()).append("=").append(header.value()).append(" ");
    }
    EXPECT_EQ(others, "X-Kept=1 x-news=new ");
    EXPECT_FALSE(served.head.headers.repeated(http::HeaderId::kContentType));
    EXPECT_EQ(cache.figures().objects, 1u);
  }
}

TEST(Cache, A304OfAnotherObjectRenewsNothing) {
  struct Row {
    const char *stored, *said;
    bool confirmed;
  };
  const Row rows[] = {
      {"ETag: \"1\"\r\n", "", true},
      {"ETag: \"1\"\r\n", "ETag: \"1\"\r\n", true},
      {"ETag: W/\"1\"\r\n", "ETag: W/\"1\"\r\n", true},
      {"ETag: \"1\"\r\n", "ETag: W/\"1\"\r\n", true},
      {"ETag: \"1\"\r\n", "ETag: \"2\"\r\n", false},
      {"ETag: \"1\"\r\n", "ETag: 1\r\n", false},
      {"Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT\r\n", "ETag: \"2\"\r\n", false},
      {"Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT\r\n", "Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT\r\n", true},
      {"Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT\r\n", "Last-Modified: Sun, 06 Nov 1988 08:32:58 GMT\r\n", false},
  };
  for (const Row& row : rows) {
    Cache cache(kRoomy);
    ASSERT_TRUE(store(cache, Asked("GET /a"), "body", std::string(kMinute) + row.stored));
    Lookup lookup = cache.find(*Asked("GET /a", "", kNow + 60));
    const Answer answer("304 Not Modified", row.said);
    const ObjectPointer renewed = cache.refresh(*Asked("GET /a", "", kNow + 60), std::move(lookup.object), *answer);
    EXPECT_EQ(renewed != nullptr, row.confirmed) << row.stored << row.said;
    EXPECT_EQ(cache.figures().objects, row.confirmed ? 1u : 0u);
  }
}

TEST(Cache, A304MayEndWhatIsStored) {
  for (const char* said : {"Cache-Control: no-store\r\n", "Cache-Control: private\r\n"}) {
    Cache cache(kRoomy);
    ASSERT_TRUE(store(cache, Asked("GET /a"), "body", "Cache-Control: max-age=60\r\nETag: \"1\"\r\n"));
    const Asked later("GET /a", "", kNow + 60);
    Lookup lookup = cache.find(*later);
    const Answer answer("304 Not Modified", said);
    const ObjectPointer renewed = cache.refresh(*later, std::move(lookup.object), *answer);
    ASSERT_TRUE(renewed);
    EXPECT_EQ(body_of(*renewed), "body");
    EXPECT_EQ(ask(cache, later), "miss") << said;
  }
}

// Its lines and those that are added would be more than a head may have.
TEST(Cache, AHeadWithoutRoomForOurLinesIsNotKept) {
  const auto stored_with = [](size_t headers) {
    Cache cache(kRoomy);
    std::string lines(kMinute);
    for (size_t i = 1; i < headers; ++i) lines += "X: y\r\n";
    const bool kept = store(cache, Asked("GET /a"), "body", lines);
    EXPECT_EQ(ask(cache, Asked("GET /a")), kept ? "hit body" : "miss");
    return kept;
  };
  EXPECT_TRUE(stored_with(http::Headers::kMax - 2));
  EXPECT_FALSE(stored_with(http::Headers::kMax - 1));
}

TEST(Cache, OneRenewsWhatTheOthersGetStale) {
  Cache cache(kRoomy);
  ASSERT_TRUE(store(cache, Asked("GET /a"), "body", "Cache-Control: max-age=60, stale-while-revalidate=60\r\n"));
  const auto find = [&cache](int64_t now) {
    Lookup found = cache.find(*Asked("GET /a", "", kNow + now));
    EXPECT_EQ(found.result, Result::kHit) << now;
    return std::move(found.renewal);
  };
  EXPECT_FALSE(find(59));
  Claim first = find(61);
  EXPECT_TRUE(first);
  EXPECT_FALSE(find(61));
  EXPECT_FALSE(find(110)) << "however long it takes";
  first = {};
  Claim second = find(110);
  EXPECT_TRUE(second) << "it came to nothing";
  second = {};
  EXPECT_FALSE(find(119)) << "who tried has ten seconds";
  Claim third = find(120);
  EXPECT_TRUE(third);
  third.give_up();
  EXPECT_FALSE(third);
  EXPECT_TRUE(find(120)) << "nobody has tried";
  EXPECT_EQ(ask(cache, Asked("GET /a", "", kNow + 121)), "stale");
}

// Nobody may be served what is stale who wants it fresh, whoever revalidates it.
TEST(Cache, WhoWantsItFreshForAWhileGetsNothingStale) {
  Cache cache(kRoomy);
  ASSERT_TRUE(store(cache, Asked("GET /a"), "body", "Cache-Control: max-age=60, stale-while-revalidate=60\r\n"));
  EXPECT_EQ(ask(cache, Asked("GET /a", "Cache-Control: min-fresh=1\r\n", kNow + 61)), "stale");
  EXPECT_EQ(ask(cache, Asked("GET /a", "Cache-Control: max-age=61\r\n", kNow + 61)), "stale");
  EXPECT_EQ(ask(cache, Asked("GET /a", "Cache-Control: max-age=62\r\n", kNow + 61)), "hit body");
}

TEST(Cache, WhoseAnswerCouldNotBeKeptRenewsNothing) {
  const std::pair<const char*, bool> rows[] = {{"", true},
                                               {"Cookie: a=b\r\n", true},
                                               {"If-None-Match: \"1\"\r\n", true},
                                               {"Cache-Control: only-if-cached\r\n", false},
                                               {"Cache-Control: no-store\r\n", false},
                                               {"Range: bytes=0-1\r\n", false},
                                               {"X-Original-URL: /b\r\n", false}};
  for (const auto& [fields, renews] : rows) {
    for (const char* what : {"GET /a", "HEAD /a"}) {
      Cache cache(kRoomy);
      ASSERT_TRUE(store(cache, Asked("GET /a"), "body", "Cache-Control: max-age=60, stale-while-revalidate=60\r\n"));
      const Asked later(what, fields, kNow + 61);
      const Lookup found = cache.find(*later);
      EXPECT_EQ(found.result, Result::kHit) << what << fields;
      EXPECT_EQ(static_cast<bool>(found.renewal), renews) << what << fields;
    }
  }
}

TEST(Cache, ClientsWhoHaveItAreTold) {
  struct Row {
    const char *stored, *asked;
    bool has_it;
  };
  constexpr const char* kChanged = "Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT\r\n";
  const Row rows[] = {
      {"ETag: \"1\"\r\n", "", false},
      {"ETag: \"1\"\r\n", "If-None-Match: \"1\"\r\n", true},
      {"ETag: \"1\"\r\n", "If-None-Match: W/\"1\"\r\n", true},
      {"ETag: \"1\"\r\n", "If-None-Match: \"2\", \"1\"\r\n", true},
      {"ETag: \"1\"\r\n", "If-None-Match: \"2\"\r\nIf-None-Match: \"1\"\r\n", true},
      {"ETag: \"1\"\r\n", "If-None-Match: \"2\"\r\n", false},
      {"ETag: \"1\"\r\n", "If-None-Match: \"2\" \"1\"\r\n", false},  // no list
      {"ETag: \"1\"\r\n", "If-None-Match: *\r\n", true},
      {"", "If-None-Match: *\r\n", true},
      {"", "If-None-Match: \"1\"\r\n", false},
      {kChanged, "If-Modified-Since: Sun, 06 Nov 1988 08:32:57 GMT\r\n", true},
      {kChanged, "If-Modified-Since: Sun, 06 Nov 1988 08:32:58 GMT\r\n", true},
      {kChanged, "If-Modified-Since: Sun, 06 Nov 1988 08:32:56 GMT\r\n", false},
      {kChanged, "If-Modified-Since: yesterday\r\n", false},
      {kChanged,
       "If-Modified-Since: Sun, 06 Nov 1988 08:32:57 GMT\r\nIf-Modified-Since: Sun, 06 Nov 1988 08:32:57 GMT\r\n",
       false},
      {kChanged, "If-None-Match: \"1\"\r\nIf-Modified-Since: Sun, 06 Nov 1988 08:32:57 GMT\r\n", false},
      {"", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", true},  // it has no date but that of its answer
      {"", "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", false},
      {"ETag: 1\r\n", "If-None-Match: 1\r\n", true},  // without its quotes, as some backends send it
      {"ETag: 1\r\n", "If-None-Match: 2, 1\r\n", true},
      {"ETag: 1\r\n", "If-None-Match: 12\r\n", false},
      {"ETag: 1\r\n", "If-None-Match: \"1\"\r\n", false},
      {"ETag: \"1\"\r\n", "If-None-Match: 1\r\n", false},
      {"ETag: W/1\r\n", "If-None-Match: W/1\r\n", true},
      {"ETag: 1\r\n", "If-None-Match:\r\n", false},
      {"", "If-None-Match:\r\n", false},
  };
  for (const Row& row : rows) {
    Cache cache(kRoomy);
    ASSERT_TRUE(store(cache, Asked("GET /a"), "body", std::string(kMinute) + row.stored));
    const Asked asked("GET /a", row.asked);
    const Lookup lookup = cache.find(*asked);
    ASSERT_EQ(lookup.result, Result::kHit);
    EXPECT_EQ(not_modified(asked.head(), *lookup.object), row.has_it) << row.stored << row.asked;
  }
  Cache cache(kRoomy);
  ASSERT_TRUE(store(cache, Asked("GET /a"), "gone", std::string(kMinute) + "ETag: \"1\"\r\n", "404 Not Found"));
  const Asked asked("GET /a", "If-None-Match: \"1\"\r\n");
  EXPECT_FALSE(not_modified(asked.head(), *cache.find(*asked).object)) << "only of a 200 (RFC 9110 13.2.1)";
}

// If-Range: pieces are of the same representation, or the whole is sent.
TEST(Cache, PiecesAreOfTheSameRepresentation) {
  struct Row {
    const char *stored, *asked;
    bool piece;
  };
  constexpr const char* kChanged = "Sun, 06 Nov 1994 08:49:36 GMT";
  const std::string if_changed = std::string("If-Range: ") + kChanged + "\r\n";
  const std::string modified = std::string("Last-Modified: ") + kChanged + "\r\n";
  const std::string second_later = modified + "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
  const std::string same_second = modified + "Date: Sun, 06 Nov 1994 08:49:36 GMT\r\n";
  const std::string second_earlier = modified + "Date: Sun, 06 Nov 1994 08:49:35 GMT\r\n";
  const std::string undated = modified + "Date: some day\r\n";
  const Row rows[] = {
      {"ETag: \"1\"\r\n", "", true},
      {"ETag: \"1\"\r\n", "If-Range: \"1\"\r\n", true},
      {"ETag: W/\"1\"\r\n", "If-Range: W/\"1\"\r\n", false},
      {"ETag: W/\"1\"\r\n", "If-Range: \"1\"\r\n", false},
      {"ETag: 1\r\n", "If-Range: 1\r\n", true},
      {"ETag: 1\r\n", "If-Range: 2\r\n", false},
      {"ETag: W/1\r\n", "If-Range: W/1\r\n", false},
      {"ETag: \"1\"\r\n", "If-Range: \"1\"\r\nIf-Range: \"1\"\r\n", false},
      {"", "If-Range: \"1\"\r\n", false},
      {second_later.c_str(), if_changed.c_str(), true},
      {same_second.c_str(), if_changed.c_str(), false},  // it may have changed again within that second: weak
      {second_earlier.c_str(), if_changed.c_str(), false},
      {undated.c_str(), if_changed.c_str(), false},
      {second_later.c_str(), "If-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n", false},
      {second_later.c_str(), "If-Range: Sunday, 06-Nov-94 08:49:36 GMT\r\n", false},  // compared as it was written
  };
  for (const Row& row : rows) {
    Cache cache(kRoomy);
    ASSERT_TRUE(store(cache, Asked("GET /a"), "body", std::string(kMinute) + row.stored));
    const Asked asked("GET /a", std::string("Range: bytes=0-0\r\n") + row.asked);
    const Lookup lookup = cache.find(*asked);
    ASSERT_EQ(lookup.result, Result::kHit);
    EXPECT_EQ(wanted_range(asked.head(), *lookup.object).kind == http::ByteRange::Kind::kPart, row.piece)
        << row.stored << row.asked;
  }
}

// "confirms": a 304's ETag without quotes is the stored one or another, as it is.
TEST(Cache, A304IsComparedAsItsTagWasWritten) {
  const auto renewed = [](const char* stored, const char* said) {
    Cache cache(kRoomy);
    EXPECT_TRUE(store(cache, Asked("GET /a"), "body", std::string(kMinute) + stored));
    const Asked later("GET /a", "", kNow + 60);
    Lookup lookup = cache.find(*later);
    const Answer answer("304 Not Modified", said);
    return bool(cache.refresh(*later, std::move(lookup.object), *answer));
  };
  EXPECT_TRUE(renewed("ETag: 1\r\n", "ETag: 1\r\n"));
  EXPECT_FALSE(renewed("ETag: 1\r\n", "ETag: 2\r\n"));
  EXPECT_FALSE(renewed("ETag: 1\r\n", "ETag: \"1\"\r\n"));
  EXPECT_FALSE(renewed("ETag: \"1\"\r\n", "ETag: 1\r\n"));
}

}  // namespace
}  // namespace cardea::l7::cache
