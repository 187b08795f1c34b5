// Vary: which requests get which variant.
#include <gtest/gtest.h>

#include "l7/cache/selector.h"
#include "tests/unit/l7/cache/exchange.h"

namespace cardea::l7::cache {
namespace {

using test::Answer;
using test::Asked;

struct Row {
  const char* vary;
  const char* stored_for;
  const char* request;
  bool same;
};

const Row kRows[] = {
    {"", "Accept: a\r\n", "Accept: b\r\n", true},
    {"Accept-Encoding", "Accept-Encoding: gzip, br\r\n", "Accept-Encoding: GZIP,br\r\n", true},
    {"Accept-Encoding", "Accept-Encoding: gzip\r\nAccept-Encoding: br\r\n", "Accept-Encoding: gzip, br\r\n", true},
    {"Accept-Encoding", "Accept-Encoding: gzip;q=1.0\r\n", "Accept-Encoding: gzip; q=1.0\r\n", true},
    {"Accept-Encoding", "Accept-Encoding: gzip\r\n", "Accept-Encoding: br\r\n", false},
    {"Accept-Encoding", "Accept-Encoding: gzip\r\n", "Accept-Encoding: gzip, br\r\n", false},
    {"Accept-Encoding", "Accept-Encoding: gzip, br\r\n", "Accept-Encoding: gzip\r\n", false},
    {"accept-encoding", "", "Accept-Encoding: gzip\r\n", false},
    {"Accept-Encoding", "Accept-Encoding: gzip\r\n", "", false},
    {"Accept-Encoding", "", "", true},
    {"Accept-Encoding", "", "Accept-Encoding:\r\n", false},
    {"X-Device", "X-Device: phone\r\n", "x-device: phone\r\n", true},
    {"X-Device", "X-Device: phone\r\n", "X-Device: Phone\r\n", false},
    {"X-A, X-B", "X-A: 1\r\nX-B: 2\r\n", "X-B: 2\r\nX-A: 1\r\n", true},
    {"X-A, X-B", "X-A: 1\r\nX-B: 2\r\n", "X-A: 1\r\nX-B: 3\r\n", false},
    {"X-A, X-B", "X-A: 1\r\n", "X-B: 1\r\n", false},
    {"X-A", "X_A: 1\r\n", "", false},
    {"X-A", "X_A: 1\r\n", "X_A: 2\r\n", false},
    {"X-A", "X_A: 1\r\n", "X-A: 1\r\n", false},
    {"X-A", "X_A: 1\r\n", "x_a: 1\r\n", true},
    {"X-A", "X_A: 1\r\n", "X.A: 1\r\n", false},
    {"X-A", "", "XA: 1\r\n", false},
    {"X_A", "X-A: 1\r\n", "", false},
    {"X-A", "X-A: 1\r\nX_A: 2\r\n", "X-A: 1\r\n", false},
    {"X-A", "X_A: 1\r\nConnection: x_a\r\n", "", true},
    {"Accept_Encoding", "Accept-Encoding: gzip\r\n", "", false},
    {"Host, X-Forwarded-Proto", "X-Forwarded-Proto: gopher\r\n", "", true},
    {"X-Forwarded-Port", "X-Forwarded-Port: 1\r\n", "", true},
    {"X-Device", "X-Device: phone\r\nConnection: x-device\r\n", "", true},
    {"X-Device", "X-Device: phone\r\nConnection: x-device\r\n", "X-Device: phone\r\n", false},
    {"X-Device", "X-Device: phone\r\n", "X-Device: phone\r\nConnection: close, X-Device\r\n", false},
    {"Keep-Alive", "Keep-Alive: 5\r\n", "", true},
    {"Cookie", "Cookie: a\r\nConnection: cookie\r\n", "Cookie: a\r\n", true},
};

TEST(Selector, Rows) {
  for (const Row& row : kRows) {
    const Asked stored("GET /", row.stored_for), asked("GET /", row.request);
    const std::string vary(row.vary);
    const Answer answer("200 OK", vary.empty() ? "" : "Vary: " + vary + "\r\n");
    const auto selector = selector_of(seen_of(*stored), (*answer).headers);
    ASSERT_TRUE(selector) << row.vary;
    EXPECT_TRUE(selects(*selector, seen_of(*stored))) << row.vary << "\n" << row.stored_for;
    EXPECT_EQ(selects(*selector, seen_of(*asked)), row.same)
        << row.vary << "\n" << row.stored_for << "---\n" << row.request;
  }
}

TEST(Selector, NobodyCanTellWhatThisProxyWroteItself) {
  for (const char* name : {"X-Forwarded-For", "X_Forwarded_For", "Forwarded", "X-Real-IP", "If-None-Match", "Via", "*"}) {
    const Asked asked("GET /");
    const Answer answer("200 OK", "Vary: Accept-Encoding\r\nVary: " + std::string(name) + "\r\n");
    EXPECT_FALSE(selector_of(seen_of(*asked), (*answer).headers)) << name;
  }
}

TEST(Selector, ValuesOfAnySizeAreNotKept) {
  const Asked asked("GET /", "X-A: " + std::string(4000, 'a') + "\r\n");
  const Answer answer("200 OK", "Vary: X-A\r\n");
  EXPECT_FALSE(selector_of(seen_of(*asked), (*answer).headers));
}

}  // namespace
}  // namespace cardea::l7::cache
