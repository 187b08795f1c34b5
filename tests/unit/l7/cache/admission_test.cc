// What is let in, and what not and why, as rows.
#include <gtest/gtest.h>

#include "l7/cache/admission.h"
#include "tests/unit/l7/cache/exchange.h"

namespace cardea::l7::cache {
namespace {

using test::Answer;
using test::Asked;
using test::kNow;

struct Row {
  const char* why;
  const char* line;
  const char* request;
  const char* status;
  const char* response;
};

#define FRESH "Cache-Control: max-age=60\r\n"
const Row kRows[] = {
    {"store", "GET /a", "", "200 OK", FRESH},
    {"store", "GET /a", "Cookie: a=b\r\n", "200 OK", FRESH},
    {"store", "GET /a", "Content-Length: 0\r\n", "200 OK", FRESH},
    {"store", "GET /a", "If-None-Match: \"x\"\r\n", "200 OK", FRESH},
    {"store", "GET /a", "", "404 Not Found", FRESH},
    {"store", "GET /a", "", "302 Found", FRESH},
    {"store", "GET /a", "", "200 OK", "Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT\r\n"},
    {"request", "HEAD /a", "", "200 OK", FRESH},
    {"request", "POST /a", "", "200 OK", FRESH},
    {"request", "OPTIONS /a", "", "200 OK", FRESH},
    {"request", "GET /a", "Range: bytes=0-1\r\n", "200 OK", FRESH},
    {"request", "GET /a", "If-Match: \"x\"\r\n", "200 OK", FRESH},
    {"request", "GET /a", "If-Unmodified-Since: Sun, 06 Nov 1988 08:32:57 GMT\r\n", "200 OK", FRESH},
    {"request", "GET /a", "Content-Length: 3\r\n", "200 OK", FRESH},
    {"request", "GET /a", "Transfer-Encoding: chunked\r\n", "200 OK", FRESH},
    {"request", "GET /a", "Connection: upgrade\r\nUpgrade: h2c\r\n", "200 OK", FRESH},
    {"status", "GET /a", "", "206 Partial Content", FRESH},
    {"status", "GET /a", "", "200 OK", FRESH "Content-Range: bytes 0-1/9\r\n"},
    {"status", "GET /a", "", "304 Not Modified", FRESH},
    {"status", "GET /a", "", "400 Bad Request", FRESH},
    {"status", "GET /a", "", "414 URI Too Long", FRESH},
    {"status", "GET /a", "", "500 Internal Server Error", FRESH},
    {"store", "GET /a", "", "204 No Content", FRESH},
    {"not_fresh", "GET /a", "", "204 No Content", ""},
    {"no_store", "GET /a", "", "200 OK", "Cache-Control: max-age=60, no-store\r\n"},
    {"no_store", "GET /a", "", "200 OK", FRESH "Cache-Control: private\r\n"},
    {"no_store", "GET /a", "", "200 OK", "Cache-Control: max-age=60, private=\"Set-Cookie\"\r\n"},
    {"no_store", "GET /a", "", "200 OK", "Cache-Control: max-age=60, no-cache\r\n"},
    {"store", "GET /a", "", "200 OK", "Cache-Control: no-cache\r\nETag: \"e\"\r\n"},
    {"store", "GET /a", "", "200 OK", "Cache-Control: no-cache\r\nLast-Modified: Sun, 06 Nov 1988 08:32:57 GMT\r\n"},
    {"no_store", "GET /a", "", "200 OK", "Cache-Control: no-cache, private\r\nETag: \"e\"\r\n"},
    {"no_store", "GET /a", "", "200 OK", "Cache-Control: no-cache, no-store\r\nETag: \"e\"\r\n"},
    {"authorization", "GET /a", "Cookie: a=b\r\n", "200 OK", "Cache-Control: no-cache\r\nETag: \"e\"\r\n"},
    {"store", "GET /a", "Cookie: a=b\r\n", "200 OK", "Cache-Control: no-cache, public\r\nETag: \"e\"\r\n"},
    {"not_fresh", "GET /a", "", "200 OK", "Cache-Control: max-age=0\r\nETag: \"e\"\r\n"},
    {"no_store", "GET /a", "Cache-Control: no-store\r\n", "200 OK", FRESH},
    {"set_cookie", "GET /a", "", "200 OK", FRESH "Set-Cookie: id=1\r\n"},
    {"authorization", "GET /a", "Authorization: Basic eDp5\r\n", "200 OK", FRESH},
    {"store", "GET /a", "Authorization: Basic eDp5\r\n", "200 OK", "Cache-Control: max-age=60, public\r\n"},
    {"store", "GET /a", "Authorization: Basic eDp5\r\n", "200 OK", "Cache-Control: s-maxage=60\r\n"},
    {"store", "GET /a", "Authorization: Basic eDp5\r\n", "200 OK", "Cache-Control: max-age=6, must-revalidate\r\n"},
    {"authorization", "GET /a", "Cookie: a=b\r\n", "200 OK", "Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT\r\n"},
    {"vary", "GET /a", "", "200 OK", FRESH "Vary: *\r\n"},
    {"vary", "GET /a", "", "200 OK", FRESH "Vary: Accept, *\r\n"},
    {"vary", "GET /a", "", "200 OK", FRESH "Vary: a b\r\n"},
    {"unkeyed", "GET /a", "X-Original-URL: /admin\r\n", "200 OK", FRESH},
    {"unkeyed", "GET /a", "x-http-method-override: POST\r\n", "200 OK", FRESH},
    {"unkeyed", "GET /a", "X_Original_URL: /admin\r\n", "200 OK", FRESH},
    {"unkeyed", "GET /a", "X_Forwarded_Scheme: http\r\n", "200 OK", FRESH},
    {"unkeyed", "GET /a", "X_HTTP_Method_Override: POST\r\n", "200 OK", FRESH},
    {"unkeyed", "GET /a", "X.Host:evil.example\r\n", "200 OK", FRESH},
    {"unkeyed", "GET /a", "XHost:evil.example\r\n", "200 OK", FRESH},
    {"unkeyed", "GET /a", "X-Forwarded: host=evil.example\r\n", "200 OK", FRESH},
    {"unkeyed", "GET /a", "Forwarded-For: 6.6.6.6\r\n", "200 OK", FRESH},
    {"unkeyed", "GET /a", "X-Forwarded-Protocol: http\r\n", "200 OK", FRESH},
    {"unkeyed", "GET /a", "X-Scheme: http\r\n", "200 OK", FRESH},
    {"unkeyed", "GET /a", "X-Backend-Host:evil.example\r\n", "200 OK", FRESH},
    {"unkeyed", "GET /a", "X-Forwarded-Uri: /admin\r\n", "200 OK", FRESH},
    {"store", "GET /a", "X-Hosted: evil.example\r\n", "200 OK", FRESH},
    {"store", "GET /a", "Forwarded: host=evil.example\r\n", "200 OK", FRESH},
    {"store", "GET /a", "Content-Length: 00\r\n", "200 OK", FRESH},
    {"not_fresh", "GET /a", "", "200 OK", ""},
    {"not_fresh", "GET /a", "", "200 OK", "Cache-Control: max-age=0\r\n"},
    {"not_fresh", "GET /a", "", "200 OK", FRESH "Age: 60\r\n"},
    {"not_fresh", "GET /a", "", "200 OK", "Expires: -1\r\n"},
};

TEST(Admission, Rows) {
  for (const Row& row : kRows) {
    const Asked asked(row.line, row.request);
    const Answer answer(row.status, row.response);
    const Admission why = admission(asked.head(), *answer, test::length(1), freshness_of(*answer, kNow));
    EXPECT_EQ(word(why), row.why) << row.line << "\n" << row.request << row.status << "\n" << row.response;
  }
}

TEST(Admission, ABodyThatEndsWithItsConnectionMayBeBroken) {
  const Asked asked("GET /a");
  const Answer answer("200 OK", FRESH);
  const http::BodyFraming body{http::BodyKind::kUntilClose, 0};
  EXPECT_EQ(admission(asked.head(), *answer, body, freshness_of(*answer, kNow)), Admission::kUnknownEnd);
}

}  // namespace
}  // namespace cardea::l7::cache
