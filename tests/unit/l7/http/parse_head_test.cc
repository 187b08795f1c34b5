// What a head says after it was read, the limits, the statuses, and heads of responses.
#include <gmock/gmock.h>

#include "tests/unit/l7/http/verdict.h"

namespace cardea::l7::http {
namespace {

using test::framing_word;

struct Read {
  HeadProgress progress;
  std::unique_ptr<RequestHead> head = std::make_unique<RequestHead>();
};
Read read(std::string_view bytes, HeadLimits limits = {}) {
  Read result;
  HeadScan scan;
  result.progress = parse_request_head(bytes, limits, scan, *result.head);
  return result;
}

TEST(RequestHead, SaysWhatStandsThere) {
  const auto [progress, head] = read(
      "POST /a/b?c=d?e HTTP/1.1\r\nHOST: Shop.com:8443\r\ncontent-type:text/plain\r\nX-Own: \t some  value "
      "\t\r\n\r\nbody");
  ASSERT_TRUE(progress.done());
  EXPECT_EQ(head->method, Method::kPost);
  EXPECT_EQ(head->path, "/a/b");
  EXPECT_TRUE(head->has_query);
  EXPECT_EQ(head->query, "c=d?e");
  EXPECT_EQ(head->authority.text, "Shop.com:8443");
  EXPECT_EQ(head->authority.host, "Shop.com");
  EXPECT_EQ(head->authority.port, 8443);
  ASSERT_EQ(head->headers.size(), 3u);
  EXPECT_EQ(head->headers[1].id(), HeaderId::kContentType);
  EXPECT_EQ(head->headers.value(HeaderId::kContentType), "text/plain");
  EXPECT_EQ(head->headers[2].id(), HeaderId::kOther);
  EXPECT_EQ(head->headers[2].value(), "some  value");
}

TEST(RequestHead, AbsoluteFormOverridesHost) {
  const auto [progress, head] = read("GET http://[2001:db8::1]:81?q HTTP/1.1\r\nHost: other\r\n\r\n");
  ASSERT_TRUE(progress.done());
  EXPECT_EQ(head->form, TargetForm::kAbsolute);
  EXPECT_EQ(head->authority.text, "[2001:db8::1]:81");
  EXPECT_EQ(head->authority.host, "2001:db8::1");
  EXPECT_EQ(head->path, "/");
  EXPECT_EQ(head->query, "q");
  EXPECT_EQ(read("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n").head->path, "*");
}

TEST(RequestHead, EmptyQueryIsNotNoQuery) {
  EXPECT_TRUE(read("GET /? HTTP/1.1\r\nHost: a\r\n\r\n").head->has_query);
  EXPECT_FALSE(read("GET / HTTP/1.1\r\nHost: a\r\n\r\n").head->has_query);
}

TEST(RequestHead, EveryKnownNameIsFoundInAnyCase) {
  for (size_t id = 1; id < size_t(HeaderId::kLookAlike); ++id) {
    std::string name(canonical_name(HeaderId(id)));
    EXPECT_EQ(header_id(name), HeaderId(id)) << name;
    for (char& c : name) c = char(std::toupper(c));
    EXPECT_EQ(header_id(name), HeaderId(id)) << name;
    name.back() = '!';
    EXPECT_EQ(header_id(name), HeaderId::kOther) << name;
  }
  EXPECT_EQ(header_id("X"), HeaderId::kOther);
}

TEST(RequestHead, EveryNameIsKnownByItsLettersWhateverStandsBetweenThem) {
  for (size_t id = 1; id < size_t(HeaderId::kLookAlike); ++id) {
    const std::string name(canonical_name(HeaderId(id)));
    for (const char mark : {'_', '.', '!', '#', '$', '%', '&', '\'', '*', '+', '^', '`', '|', '~', '-'}) {
      for (size_t at = 0; at <= name.size(); ++at) {
        const std::string with = std::string(name).insert(at, 1, mark);
        EXPECT_EQ(look_alike_of(with), HeaderId(id)) << with;
      }
    }
    std::string bare;
    for (const char c : name) {
      if (c != '-') bare.push_back(char(std::toupper(c)));
    }
    EXPECT_EQ(look_alike_of(bare), HeaderId(id)) << bare;
    for (const std::string& other : {name + "s", "x" + name, name.substr(1), name.substr(0, name.size() - 1)}) {
      if (header_id(other) == HeaderId::kOther) EXPECT_EQ(look_alike_of(other), HeaderId::kOther) << other;
    }
  }
  EXPECT_EQ(look_alike_of("-"), HeaderId::kOther);
  EXPECT_EQ(look_alike_of("a"), HeaderId::kOther);
  EXPECT_EQ(look_alike_of(std::string(5000, '_') + "TE"), HeaderId::kTe);
}

struct LimitRow {
  const char* name;
  std::string bytes;
  HeadLimits limits;
  std::string_view verdict;
  uint16_t status;
};

TEST(RequestHead, HoldsItsLimits) {
  const std::string long_target = "GET /" + std::string(100, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string many = "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n";
  const LimitRow rows[] = {
      {"exactly the head", many, {.bytes_max = many.size()}, "ok none", 0},
      {"one byte less", many, {.bytes_max = many.size() - 1}, "head_too_large", 431},
      {"request line alone too long", long_target, {.bytes_max = 64}, "target_too_long", 414},
      {"target at its limit", long_target, {.target_max = 101}, "ok none", 0},
      {"target over its limit", long_target, {.target_max = 100}, "target_too_long", 414},
      {"headers at their limit", many, {.headers_max = 3}, "ok none", 0},
      {"headers over their limit", many, {.headers_max = 2}, "too_many_headers", 431},
  };
  for (const LimitRow& row : rows) {
    const auto [progress, head] = read(row.bytes, row.limits);
    RequestHead pieces;
    std::string moved;
    EXPECT_EQ(test::request_verdict(progress, *head), row.verdict) << row.name;
    EXPECT_EQ(test::request_verdict(test::parse_bytewise(row.bytes, row.limits, pieces, moved), pieces),
              row.verdict)
        << row.name;
    if (progress.bad()) {
      EXPECT_EQ(progress.status(), row.status) << row.name;
    }
  }
}

TEST(RequestHead, NeverHoldsMoreHeadersThanItHasRoomFor) {
  std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (size_t i = 1; i < Headers::kMax; ++i) bytes += "X: 1\r\n";
  EXPECT_TRUE(read(bytes + "\r\n", {.headers_max = 100000}).progress.done());
  EXPECT_EQ(read(bytes + "X: 1\r\n\r\n", {.headers_max = 100000}).progress.fault, Fault::kTooManyHeaders);
}

TEST(RequestHead, BlamesTheByte) {
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n";
  EXPECT_EQ(read(bytes).progress.at, bytes.find('\x01'));
  EXPECT_EQ(read("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n").progress.at, 6u);
}

TEST(HeadEnd, VectorsAndBytesAgreeAtEveryOffset) {
  for (size_t before = 0; before < 70; ++before) {
    for (const std::string_view end : {"\r\n\r\n", "\n", "\r\r\n", "\r\n\n", "\x01", "\x7f", "\r\n\r\r\n"}) {
      const std::string bytes = std::string(before, 'a') + std::string(end) + std::string(40, 'b');
      HeadScan fast, slow;
      const HeadEnd a = find_head_end(bytes, fast), b = find_head_end_slowly(bytes, slow);
      EXPECT_EQ(a.state, b.state) << before;
      EXPECT_EQ(a.at, b.at) << before;
      EXPECT_EQ(a.fault, b.fault) << before;
      EXPECT_NE(a.state, HeadEnd::State::kNeedMore);
    }
  }
}

struct ResponseRow {
  const char* name;
  std::string bytes;
  Method method;
  const char* verdict;
};
std::string ok(std::string headers) {
  return "HTTP/1.1 200 OK\r\n" + headers + "\r\n";
}
std::string with_status(std::string status, std::string headers = "") {
  return "HTTP/1.1 " + status + "\r\n" + headers + "\r\n";
}

const ResponseRow kResponses[] = {
    {"until close", ok(""), Method::kGet, "ok until_close"},
    {"length", ok("Content-Length: 7\r\n"), Method::kGet, "ok length 7"},
    {"chunked", ok("Transfer-Encoding: chunked\r\n"), Method::kGet, "ok chunked"},
    {"HEAD", ok("Content-Length: 7\r\n"), Method::kHead, "ok none"},
    {"HEAD chunked", ok("Transfer-Encoding: chunked\r\n"), Method::kHead, "ok none"},
    {"HEAD with two lengths", ok("Content-Length: 7\r\nContent-Length: 8\r\n"), Method::kHead,
     "content_length_repeated"},
    {"204", with_status("204 No Content"), Method::kGet, "ok none"},
    {"204 with a length", with_status("204 No Content", "Content-Length: 5\r\n"), Method::kGet, "ok none"},
    {"304 with a length", with_status("304 Not Modified", "Content-Length: 5\r\n"), Method::kGet, "ok none"},
    {"304 with two lengths", with_status("304 Not Modified", "Content-Length: 5, 6\r\n"), Method::kGet,
     "content_length_repeated"},
    {"100", with_status("100 Continue"), Method::kPost, "ok none"},
    {"103 with a coding", with_status("103 Early Hints", "Transfer-Encoding: chunked\r\n"), Method::kGet,
     "body_not_allowed"},
    {"101 unasked", with_status("101 Switching Protocols", "Upgrade: websocket\r\n"), Method::kGet, "upgrade_unasked"},
    {"CONNECT 200", ok("Content-Length: 7\r\n"), Method::kConnect, "ok tunnel"},
    {"CONNECT 407", with_status("407 No", "Content-Length: 7\r\n"), Method::kConnect, "ok length 7"},
    {"both", ok("Content-Length: 7\r\nTransfer-Encoding: chunked\r\n"), Method::kGet, "length_and_encoding"},
    {"two lengths", ok("Content-Length: 7\r\nContent-Length: 8\r\n"), Method::kGet, "content_length_repeated"},
    {"one length twice", ok("Content-Length: 7\r\nContent-Length: 007\r\n"), Method::kGet, "ok length 7"},
    {"one length in a list", ok("Content-Length: 7, 7,7\r\n"), Method::kGet, "ok length 7"},
    {"two lengths in a list", ok("Content-Length: 7, 7, 8\r\n"), Method::kGet, "content_length_repeated"},
    {"a length and none", ok("Content-Length: 7, x\r\n"), Method::kGet, "content_length"},
    {"a list of nothing", ok("Content-Length: ,\r\n"), Method::kGet, "content_length"},
    {"leading zeros", ok("Content-Length: 007\r\n"), Method::kGet, "ok length 7"},
    {"status 599", with_status("599 Last"), Method::kGet, "ok until_close"},
    {"status 100", with_status("100 First"), Method::kGet, "ok none"},
    {"blank before colon", ok("Content-Length : 7\r\n"), Method::kGet, "ok length 7"},
    {"blanks before colon", ok("Transfer-Encoding \t : chunked\r\n"), Method::kGet, "ok chunked"},
    {"blank in a name", ok("Content Length: 7\r\n"), Method::kGet, "space_before_colon"},
    {"blank and no colon", ok("X \r\n"), Method::kGet, "space_before_colon"},
    {"blank before a name", ok(" Content-Length: 7\r\n"), Method::kGet, "obs_fold"},
    {"look-alike", ok("Content_Length: 7\r\n"), Method::kGet, "ok until_close"},
    {"gzip, chunked", ok("Transfer-Encoding: gzip, chunked\r\n"), Method::kGet, "transfer_encoding_unsupported"},
    {"identity", ok("Transfer-Encoding: identity\r\n"), Method::kGet, "transfer_encoding"},
    {"1.0 chunked", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Method::kGet,
     "transfer_encoding_in_http_1_0"},
    {"no reason", with_status("200 "), Method::kGet, "ok until_close"},
    {"no reason, no space", with_status("200"), Method::kGet, "ok until_close"},
    {"two digits", with_status("20 OK"), Method::kGet, "status_line"},
    {"four digits", with_status("2000 OK"), Method::kGet, "status_line"},
    {"status 099", with_status("099 No"), Method::kGet, "status_line"},
    {"status 600", with_status("600 No"), Method::kGet, "status_line"},
    {"two spaces", with_status(" 200 OK"), Method::kGet, "status_line"},
    {"sign", with_status("+20 OK"), Method::kGet, "status_line"},
    {"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", Method::kGet, "version_unsupported"},
    {"ICY", "ICY 200 OK\r\n\r\n", Method::kGet, "status_line"},
    {"empty line before", "\r\n" + ok(""), Method::kGet, "status_line"},
    {"fold", ok("X: 1\r\n 2\r\n"), Method::kGet, "obs_fold"},
    {"bare LF", "HTTP/1.1 200 OK\nX: 1\n\n", Method::kGet, "bare_lf"},
    {"bare CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", Method::kGet, "bare_cr"},
    {"NUL", ok(std::string("X: \0\r\n", 6)), Method::kGet, "control_byte"},
};

std::string response_verdict(std::string_view bytes, Method method, bool upgrade_asked = false) {
  ResponseHead head;
  HeadScan scan;
  HeadProgress progress;
  for (size_t size = 0; size <= bytes.size() && progress.state == HeadProgress::State::kNeedMore; ++size) {
    progress = parse_response_head(bytes.substr(0, size), {}, scan, head);
  }
  ResponseHead whole;
  HeadScan fresh;
  const HeadProgress at_once = parse_response_head(bytes, {}, fresh, whole);
  EXPECT_EQ(at_once.state, progress.state);
  EXPECT_EQ(at_once.at, progress.at);
  if (progress.bad()) return std::string(word(progress.fault));
  if (!progress.done()) return "need_more";
  return framing_word(response_body(head, method, upgrade_asked));
}

TEST(ResponseHead, EveryRow) {
  for (const ResponseRow& row : kResponses) EXPECT_EQ(response_verdict(row.bytes, row.method), row.verdict) << row.name;
  EXPECT_EQ(response_verdict(with_status("101 X", "Upgrade: websocket\r\n"), Method::kGet, true), "ok tunnel");
  EXPECT_EQ(response_verdict("HTTP/1.0 101 X\r\n\r\n", Method::kGet, true), "upgrade_unasked");
}

TEST(Framing, UnknownLengthIsChunkedWhereTheClientKnowsChunks) {
  EXPECT_EQ(framing_towards({BodyKind::kUntilClose}, Version::kHttp11).kind, BodyKind::kChunked);
  EXPECT_EQ(framing_towards({BodyKind::kChunked}, Version::kHttp10).kind, BodyKind::kUntilClose);
  EXPECT_EQ(framing_towards({BodyKind::kLength, 5}, Version::kHttp10), (BodyFraming{BodyKind::kLength, 5}));
}

}  // namespace
}  // namespace cardea::l7::http
