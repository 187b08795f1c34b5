#include "mgmt/health/http_answer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace cardea::mgmt::health {
namespace {

using State = HttpAnswer::State;

struct Row {
  const char* what;
  std::vector<uint16_t> statuses;
  const char* wanted_body;
  std::string answer;
  bool then_closed;
  State state;
  const char* reason;
};

const std::vector<Row> kRows = {
    {"status as expected", {200}, "", "HTTP/1.1 200 OK\r\n\r\n", false, State::kPassed, ""},
    {"no reason phrase", {204}, "", "HTTP/1.0 204\r\nServer: x\r\n\r\n", false, State::kPassed, ""},
    {"bare line feeds, which clients would be answered 502 for",
     {200},
     "",
     "HTTP/1.1 200 OK\nA: b\n\n",
     false,
     State::kFailed,
     "answer is malformed: a LF without the CR before it"},
    {"both lengths",
     {200},
     "",
     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
     false,
     State::kFailed,
     "answer is malformed: Content-Length and Transfer-Encoding together"},
    {"blank before the colon", {200}, "", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", false, State::kPassed, ""},
    {"padded chunk size",
     {200},
     "ready",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5  \r\nready\r\n0\r\n\r\n",
     false,
     State::kPassed,
     ""},
    {"second of the list", {200, 301}, "", "HTTP/1.1 301 Moved\r\n\r\n", false, State::kPassed, ""},
    {"head not complete", {200}, "", "HTTP/1.1 200 OK\r\nA: b\r\n", false, State::kReading, ""},
    {"another status", {200}, "", "HTTP/1.1 503 Busy\r\n\r\n", false, State::kFailed, "status 503 expected 200"},
    {"none of the list",
     {200, 204},
     "",
     "HTTP/1.1 500 No\r\n\r\n",
     false,
     State::kFailed,
     "status 500 expected 200 or 204"},
    {"interim first",
     {200},
     "",
     "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
     false,
     State::kPassed,
     ""},
    {"garbage",
     {200},
     "",
     "SSH-2.0-OpenSSH\r\n",
     false,
     State::kFailed,
     "answer is not HTTP: \"SSH-2.0-OpenSSH\""},
    {"garbage without line end",
     {200},
     "",
     "\x15\x03\x01",
     false,
     State::kFailed,
     "answer is not HTTP: \"\\x15\\x03\\x01\""},
    {"HTTP/2", {200}, "", "HTTP/2 200\r\n", false, State::kFailed, "answer is not HTTP: \"HTTP/2 200\""},
    {"no number", {200}, "", "HTTP/1.1 OK fine\r\n\r\n", false, State::kFailed, "answer is not HTTP: \"HTTP/1.1 OK fine\""},
    {"four digits",
     {200},
     "",
     "HTTP/1.1 2000 OK\r\n\r\n",
     false,
     State::kFailed,
     "answer is not HTTP: \"HTTP/1.1 2000 OK\""},
    {"nothing", {200}, "", "", true, State::kFailed, "closed without an answer"},
    {"half a status line", {200}, "", "HTTP/1.1 20", true, State::kFailed, "closed before the answer was complete"},
    {"half a head", {200}, "", "HTTP/1.1 200 OK\r\nA", true, State::kFailed, "closed before the answer was complete"},
    {"body until close", {200}, "ready", "HTTP/1.1 200 OK\r\n\r\nI am rea", false, State::kReading, ""},
    {"body found before the end", {200}, "ready", "HTTP/1.1 200 OK\r\n\r\nI am ready", false, State::kPassed, ""},
    {"body lacks it at close",
     {200},
     "ready",
     "HTTP/1.1 200 OK\r\n\r\nI am rea",
     true,
     State::kFailed,
     "body lacks \"ready\""},
    {"length ends it",
     {200},
     "ready",
     "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nrea",
     false,
     State::kFailed,
     "body lacks \"ready\""},
    {"not beyond the length",
     {200},
     "ready",
     "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nready",
     false,
     State::kFailed,
     "body lacks \"ready\""},
    {"empty body",
     {200},
     "ready",
     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
     false,
     State::kFailed,
     "body lacks \"ready\""},
    {"no body by status",
     {204},
     "ready",
     "HTTP/1.1 204 None\r\n\r\nready",
     false,
     State::kFailed,
     "body lacks \"ready\""},
    {"cut before the length",
     {200},
     "ready",
     "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nrea",
     true,
     State::kFailed,
     "closed before the answer was complete"},
    {"chunks",
     {200},
     "ready",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2;x=y\r\ndy\r\n",
     false,
     State::kPassed,
     ""},
    {"chunks over",
     {200},
     "ready",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nrea\r\n0\r\n\r\n",
     false,
     State::kFailed,
     "body lacks \"ready\""},
    {"bad chunk size",
     {200},
     "ready",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
     false,
     State::kFailed,
     "chunked body is malformed: a chunk's size is not one to sixteen hexadecimal digits, with nothing but an extension behind them"},
    {"huge chunk size",
     {200},
     "ready",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
     false,
     State::kFailed,
     "chunked body is malformed: a chunk is larger than any body"},
    {"chunk without its end",
     {200},
     "ready",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nreally\r\n",
     false,
     State::kFailed,
     "chunked body is malformed: a chunk's data is not followed by CR LF"},
};

TEST(HttpAnswer, DecidesRowByRow) {
  for (const Row& row : kRows) {
    const Expectation expectation{row.statuses, row.wanted_body};
    HttpAnswer answer(expectation);
    answer.feed(row.answer);
    if (row.then_closed) answer.closed();
    EXPECT_EQ(answer.state(), row.state) << row.what;
    EXPECT_EQ(answer.reason(), row.reason) << row.what;
  }
}

TEST(HttpAnswer, DecidesTheSameByteByByte) {
  for (const Row& row : kRows) {
    const Expectation expectation{row.statuses, row.wanted_body};
    HttpAnswer answer(expectation);
    for (const char c : row.answer) answer.feed({&c, 1});
    if (row.then_closed) answer.closed();
    EXPECT_EQ(answer.state(), row.state) << row.what;
    // Of garbage only what came in until it was recognised can be shown.
    if (answer.reason().starts_with("answer is not HTTP")) continue;
    EXPECT_EQ(answer.reason(), row.reason) << row.what;
  }
}

TEST(HttpAnswer, RefusesAHeadThatDoesNotEnd) {
  const Expectation expectation{{200}, ""};
  HttpAnswer answer(expectation);
  answer.feed("HTTP/1.1 200 OK\r\n");
  size_t fed = 0;
  for (; answer.state() == State::kReading && fed < 10 * HttpAnswer::kHeadMax; fed += 1024)
    answer.feed("X-Filler: " + std::string(1012, 'x') + "\r\n");
  EXPECT_EQ(answer.reason(), "header section is larger than 64 KB");
  EXPECT_LE(fed, HttpAnswer::kHeadMax + 1024);
}

TEST(HttpAnswer, RefusesALineThatDoesNotEnd) {
  const Expectation expectation{{200}, ""};
  HttpAnswer answer(expectation);
  answer.feed("HTTP/1.1 200 OK" + std::string(HttpAnswer::kHeadMax, ' '));
  EXPECT_EQ(answer.reason(), "header section is larger than 64 KB");
}

TEST(HttpAnswer, RefusesEndlessInterimAnswers) {
  const Expectation expectation{{200}, ""};
  HttpAnswer answer(expectation);
  for (int i = 0; i < 10'000; ++i) answer.feed("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(answer.reason(), "header section is larger than 64 KB");
}

TEST(HttpAnswer, LooksAtTheFirst64KbOfTheBodyOnly) {
  const Expectation expectation{{200}, "ready"};
  const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
  HttpAnswer inside(expectation);
  EXPECT_EQ(inside.feed(head + std::string(HttpAnswer::kBodyMax - 5, 'x') + "ready"), State::kPassed);
  HttpAnswer outside(expectation);
  EXPECT_EQ(outside.feed(head + std::string(HttpAnswer::kBodyMax - 4, 'x') + "ready"), State::kFailed);
  EXPECT_EQ(outside.reason(), "body lacks \"ready\" in its first 64 KB");
}

TEST(Printable, ShowsBytesThatCannotBePrintedAndCuts) {
  EXPECT_EQ(printable("a\x01z"), "a\\x01z");
  EXPECT_EQ(printable("abcdef", 3), "abc…");
}

}  // namespace
}  // namespace cardea::mgmt::health
