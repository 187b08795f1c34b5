// The catalogue of requests that two readers could read differently: each row is refused with its word (or read in the
// one way), whole and byte by byte, and what is accepted takes exactly the bytes of its head.
#include <gmock/gmock.h>

#include "tests/unit/l7/http/verdict.h"

namespace cardea::l7::http {
namespace {

using namespace std::string_literals;
using test::describe;
using test::parse_bytewise;
using test::request_verdict;

struct Row {
  const char* name;
  std::string bytes;
  const char* verdict;
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

std::string get(std::string headers) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
}
std::string post(std::string headers) {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
}
std::string line(std::string first) {
  return first + "\r\nHost: a\r\n\r\n";
}
std::string host(std::string value) {
  return "GET / HTTP/1.1\r\nHost: " + value + "\r\n\r\n";
}

const Row kLines[] = {
    {"plain", line("GET / HTTP/1.1"), "ok none"},
    {"one empty line before", "\r\n" + get(""), "ok none"},
    {"two empty lines before", "\r\n\r\n" + get(""), "request_line"},
    {"bare LF before", "\n" + get(""), "bare_lf"},
    {"space before the method", line(" GET / HTTP/1.1"), "request_line"},
    {"tab before the method", line("\tGET / HTTP/1.1"), "request_line"},
    {"two spaces behind the method", line("GET  / HTTP/1.1"), "request_line"},
    {"two spaces before the version", line("GET /  HTTP/1.1"), "request_line"},
    {"space behind the version", line("GET / HTTP/1.1 "), "request_line"},
    {"tab between", line("GET\t/ HTTP/1.1"), "method"},
    {"vertical tab between", line("GET\v/ HTTP/1.1"), "control_byte"},
    {"no version", line("GET /"), "request_line"},
    {"only a method", line("GET"), "request_line"},
    {"lower-case version", line("GET / http/1.1"), "version"},
    {"version with leading zero", line("GET / HTTP/01.1"), "version"},
    {"version with two digits", line("GET / HTTP/1.10"), "version"},
    {"version without dot", line("GET / HTTP/11"), "version"},
    {"HTTP/1.2", line("GET / HTTP/1.2"), "version_unsupported"},
    {"HTTP/2.0", line("GET / HTTP/2.0"), "version_unsupported"},
    {"HTTP/0.9", line("GET / HTTP/0.9"), "version_unsupported"},
    {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "version_unsupported"},
    {"another protocol", line("GET / RTSP/1.0"), "version"},
    {"method with a parenthesis", line("G(T / HTTP/1.1"), "method"},
    {"method with a high byte", line("G\xc3\x89T / HTTP/1.1"), "method"},
    {"method with NUL", line("GET\0 / HTTP/1.1"s), "control_byte"},
    {"method in small letters is another method", line("get / HTTP/1.1"), "ok none"},
    {"unknown method", line("BREW /pot HTTP/1.1"), "ok none"},
    {"endless method", line(std::string(33, 'A') + " / HTTP/1.1"), "method_too_long"},
    {"CONNECT", line("CONNECT a:443 HTTP/1.1"), "connect_unsupported"},
    {"CONNECT without port", line("CONNECT a HTTP/1.1"), "target"},
    {"CONNECT with a path", line("CONNECT / HTTP/1.1"), "target"},
    {"asterisk", line("OPTIONS * HTTP/1.1"), "ok none"},
    {"asterisk of GET", line("GET * HTTP/1.1"), "target"},
    {"target without slash", line("GET index.html HTTP/1.1"), "target"},
    {"fragment", line("GET /#a HTTP/1.1"), "target_byte"},
    {"fragment in the query", line("GET /?a#b HTTP/1.1"), "target_byte"},
    {"backslash in the path", line("GET /\\..\\admin HTTP/1.1"), "target_byte"},
    {"backslash in the query", line("GET /?a\\b HTTP/1.1"), "ok none"},
    {"high byte in the path", line("GET /\xff HTTP/1.1"), "target_byte"},
    {"quotes in the path", line("GET /\"> HTTP/1.1"), "target_byte"},
    {"NUL in the path", line("GET /\0 HTTP/1.1"s), "control_byte"},
    {"DEL in the path", line("GET /\x7f HTTP/1.1"), "control_byte"},
    {"absolute", line("GET http://b/x HTTP/1.1"), "ok none"},
    {"absolute with capitals", line("GET HTTPS://b:8443 HTTP/1.1"), "ok none"},
    {"absolute of another scheme", line("GET ftp://b/x HTTP/1.1"), "target"},
    {"absolute with a user", line("GET http://u@b/x HTTP/1.1"), "host_invalid"},
    {"absolute without host", line("GET http:///x HTTP/1.1"), "host_invalid"},
    {"absolute does without no Host", "GET http://b/ HTTP/1.1\r\n\r\n", "host_missing"},
    {"only an empty line", "\r\n\r\n", "request_line"},
    {"garbage before TLS", "\x16\x03\x01\x02"s, "control_byte"},
    {"a request of CRs", "GET / HTTP/1.1\r\r\n\r\n", "bare_cr"},
    {"LFs only", "GET / HTTP/1.1\nHost: a\n\n", "bare_lf"},
    {"LF then CR LF", "GET / HTTP/1.1\r\nHost: a\n\r\n", "bare_lf"},
    {"head ends with LF LF", "GET / HTTP/1.1\r\nHost: a\r\n\n", "bare_lf"},
    {"not all of it", "GET / HTTP/1.1\r\nHost: a\r\n", "need_more"},
    {"not even the last LF", "GET / HTTP/1.1\r\nHost: a\r\n\r", "need_more"},
};

const Row kHeaderLines[] = {
    {"space before the colon", get("X : 1\r\n"), "space_before_colon"},
    {"tab before the colon", get("X\t: 1\r\n"), "space_before_colon"},
    {"space before Content-Length's colon", post("Content-Length : 5\r\n"), "space_before_colon"},
    {"space before Transfer-Encoding's colon", post("Transfer-Encoding : chunked\r\n"), "space_before_colon"},
    {"space within a name", get("X Y: 1\r\n"), "space_before_colon"},
    {"fold", get("X: 1\r\n 2\r\n"), "obs_fold"},
    {"fold by tab", get("X: 1\r\n\tContent-Length: 5\r\n"), "obs_fold"},
    {"fold of Transfer-Encoding", post("Transfer-Encoding:\r\n chunked\r\n"), "obs_fold"},
    {"white space before the first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "obs_fold"},
    {"line of white space", get("X: 1\r\n \r\n"), "obs_fold"},
    {"no colon", get("Xyz\r\n"), "header_name"},
    {"empty name", get(": 1\r\n"), "header_name"},
    {"name with a slash", get("a/b: 1\r\n"), "header_name"},
    {"name with a high byte", get("Transf\xc3\xa9r: 1\r\n"), "header_name"},
    {"name with NUL", get("X\0: 1\r\n"s), "control_byte"},
    {"name with a leading vertical tab", post("\vTransfer-Encoding: chunked\r\n"), "control_byte"},
    {"name with a trailing form feed", post("Transfer-Encoding\f: chunked\r\n"), "control_byte"},
    {"NUL in a value", get("X: a\0b\r\n"s), "control_byte"},
    {"DEL in a value", get("X: a\x7f\r\n"), "control_byte"},
    {"bell in a value", get("X: \a\r\n"), "control_byte"},
    {"CR in a value", get("X: a\rContent-Length: 5\r\n"), "bare_cr"},
    {"LF in a value", get("X: a\nContent-Length: 5\r\n"), "bare_lf"},
    {"CR CR LF", get("X: a\r\r\n"), "bare_cr"},
    {"high bytes in a value", get("X: caf\xc3\xa9\r\n"), "ok none"},
    {"tab in a value", get("X: a\tb\r\n"), "ok none"},
    {"empty value", get("X:\r\n"), "ok none"},
    {"value of white space", get("X: \t \r\n"), "ok none"},
    {"underscored Content-Length", post("Content_Length: 5\r\n"), "look_alike"},
    {"underscored Transfer-Encoding", post("TRANSFER_ENCODING: chunked\r\n"), "look_alike"},
    {"Transfer-Encoding with three", post("Transfer___Encoding: chunked\r\n"), "look_alike"},
    {"Content-Length with a dot", post("Content.Length: 5\r\n"), "look_alike"},
    {"Content-Length with nothing", post("ContentLength: 5\r\n"), "look_alike"},
    {"Content-Length in quotes", post("'Content-Length': 5\r\n"), "look_alike"},
    {"Host with an underscore", get("Host_: b\r\n"), "look_alike"},
    {"forwarding header with a dot", get("X-Forwarded.For: 6.6.6.6\r\n"), "look_alike"},
    {"forwarding header with underscores", get("x_forwarded_host: b\r\n"), "look_alike"},
    {"forwarding port", get("X.Forwarded-Port: 1\r\n"), "look_alike"},
    {"forwarding scheme", get("X-Forwarded--Proto: https\r\n"), "look_alike"},
    {"address with an underscore", get("X_Real-IP: 6.6.6.6\r\n"), "look_alike"},
    {"Forwarded with a plus", get("Forwarded+: for=6.6.6.6\r\n"), "look_alike"},
    {"another known name is only left out", get("Accept_Encoding: gzip\r\n"), "ok none"},
    {"longer than any name", get("Transfer-Encoding-Of-Something-Very-Long: x\r\n"), "ok none"},
    {"any other underscore", get("X_Y: 5\r\n"), "ok none"},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", "host_missing"},
    {"no Host in 1.0", "GET / HTTP/1.0\r\n\r\n", "ok none"},
    {"two Hosts", get("Host: b\r\n"), "host_repeated"},
    {"the same Host twice", get("host: a\r\n"), "host_repeated"},
    {"two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "host_repeated"},
    {"empty Host", host(""), "host_invalid"},
    {"Host with a path", host("a/b"), "host_invalid"},
    {"Host with a user", host("u@a"), "host_invalid"},
    {"Host as a list", host("a, b"), "host_invalid"},
    {"Host with a space", host("a b"), "host_invalid"},
    {"Host with an escape", host("%61"), "host_invalid"},
    {"Host with port", host("a:80"), "ok none"},
    {"Host with port 0", host("a:0"), "host_invalid"},
    {"Host with a large port", host("a:65536"), "host_invalid"},
    {"Host with a long port", host("a:00080"), "ok none"},
    {"Host with two ports", host("a:80:80"), "host_invalid"},
    {"Host with letters as port", host("a:b"), "host_invalid"},
    {"Host with an empty port", host("a:"), "ok none"},
    {"Host with only a port", host(":80"), "host_invalid"},
    {"Host with two colons", host("a::"), "host_invalid"},
    {"Host with sub-delimiters", host("a!$&'()*+,;=~_b"), "ok none"},
    {"Host is an IPv6 address with an empty port", host("[::1]:"), "ok none"},
    {"Host with an empty label", host("a..b"), "host_invalid"},
    {"Host begins with a dot", host(".a"), "host_invalid"},
    {"Host ends with a dot", host("a."), "ok none"},
    {"Host is an IPv6 address", host("[2001:db8::1]:8080"), "ok none"},
    {"Host is half an IPv6 address", host("[2001:db8::1"), "host_invalid"},
    {"Host is a wrong IPv6 address", host("[2001:db8::g]"), "host_invalid"},
    {"Host with something behind the bracket", host("[::1]x:80"), "host_invalid"},
    {"Host of 256 bytes", host(std::string(256, 'a')), "host_invalid"},
};

const Row kFraming[] = {
    {"length", post("Content-Length: 5\r\n"), "ok length 5"},
    {"length with white space around", post("Content-Length: \t5 \t\r\n"), "ok length 5"},
    {"length 0", post("Content-Length: 0\r\n"), "ok length 0"},
    {"GET with a length", get("Content-Length: 3\r\n"), "ok length 3"},
    {"the largest length", post("Content-Length: 9223372036854775807\r\n"), "ok length 9223372036854775807"},
    {"one more", post("Content-Length: 9223372036854775808\r\n"), "content_length_overflow"},
    {"2^64", post("Content-Length: 18446744073709551616\r\n"), "content_length_overflow"},
    {"2^64 + 5", post("Content-Length: 18446744073709551621\r\n"), "content_length_overflow"},
    {"forty digits", post("Content-Length: 9999999999999999999999999999999999999999\r\n"), "content_length_overflow"},
    {"plus", post("Content-Length: +5\r\n"), "content_length"},
    {"minus", post("Content-Length: -5\r\n"), "content_length"},
    {"hexadecimal", post("Content-Length: 0x5\r\n"), "content_length"},
    {"leading zero", post("Content-Length: 05\r\n"), "ok length 5"},
    {"zeros", post("Content-Length: 000\r\n"), "ok length 0"},
    {"forty leading zeros", post("Content-Length: " + std::string(40, '0') + "5\r\n"), "ok length 5"},
    {"leading zeros before too much", post("Content-Length: 009223372036854775808\r\n"), "content_length_overflow"},
    {"exponent", post("Content-Length: 5e0\r\n"), "content_length"},
    {"fraction", post("Content-Length: 5.0\r\n"), "content_length"},
    {"underscore", post("Content-Length: 1_0\r\n"), "content_length"},
    {"quotes", post("Content-Length: \"5\"\r\n"), "content_length"},
    {"space within", post("Content-Length: 5 5\r\n"), "content_length"},
    {"empty", post("Content-Length:\r\n"), "content_length"},
    {"something behind", post("Content-Length: 5;\r\n"), "content_length"},
    {"non-breaking space",
     post("Content-Length: \xa0"
          "5\r\n"),
     "content_length"},
    {"list", post("Content-Length: 5, 5\r\n"), "content_length_repeated"},
    {"list with another", post("Content-Length: 5, 6\r\n"), "content_length_repeated"},
    {"list with an empty one", post("Content-Length: ,5\r\n"), "content_length_repeated"},
    {"twice", post("Content-Length: 5\r\nContent-Length: 6\r\n"), "content_length_repeated"},
    {"twice the same", post("Content-Length: 5\r\ncontent-length: 5\r\n"), "content_length_repeated"},
    {"twice, one empty", post("Content-Length: 5\r\nContent-Length:\r\n"), "content_length_repeated"},
    {"chunked", post("Transfer-Encoding: chunked\r\n"), "ok chunked"},
    {"chunked in capitals", post("TRANSFER-ENCODING: CHUNKED\r\n"), "ok chunked"},
    {"length and chunked", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), "length_and_encoding"},
    {"chunked and length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), "length_and_encoding"},
    {"chunked and a broken length", post("Transfer-Encoding: chunked\r\nContent-Length: x\r\n"), "length_and_encoding"},
    {"length and identity", post("Transfer-Encoding: identity\r\nContent-Length: 5\r\n"), "length_and_encoding"},
    {"identity", post("Transfer-Encoding: identity\r\n"), "transfer_encoding"},
    {"empty coding", post("Transfer-Encoding:\r\n"), "transfer_encoding"},
    {"xchunked", post("Transfer-Encoding: xchunked\r\n"), "transfer_encoding"},
    {"chunkedx", post("Transfer-Encoding: chunkedx\r\n"), "transfer_encoding"},
    {"quoted chunked", post("Transfer-Encoding: \"chunked\"\r\n"), "transfer_encoding"},
    {"chunked with a parameter", post("Transfer-Encoding: chunked;q=1\r\n"), "transfer_encoding"},
    {"chunked twice", post("Transfer-Encoding: chunked, chunked\r\n"), "transfer_encoding"},
    {"chunked in two lines", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "transfer_encoding"},
    {"chunked, then identity in another line", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
     "transfer_encoding"},
    {"an unknown coding, then chunked in another line", post("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n"),
     "transfer_encoding"},
    {"chunked first", post("Transfer-Encoding: chunked, gzip\r\n"), "transfer_encoding"},
    {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n"), "transfer_encoding_unsupported"},
    {"identity, chunked", post("Transfer-Encoding: identity, chunked\r\n"), "transfer_encoding_unsupported"},
    {"comma before chunked", post("Transfer-Encoding: ,chunked\r\n"), "transfer_encoding"},
    {"comma behind chunked", post("Transfer-Encoding: chunked,\r\n"), "transfer_encoding"},
    {"a high space before chunked",
     post("Transfer-Encoding: \xa0"
          "chunked\r\n"),
     "transfer_encoding"},
    {"chunked in 1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
     "transfer_encoding_in_http_1_0"},
    {"chunked in 1.0 with length", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
     "length_and_encoding"},
    {"post without framing has no body", post(""), "ok none"},
    {"post in 1.0 without framing has no body", "POST / HTTP/1.0\r\n\r\n", "ok none"},
    {"TRACE with a body", "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "body_not_allowed"},
    {"TRACE without one", "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "ok length 0"},
    {"Connection names Content-Length", post("Connection: Content-Length\r\nContent-Length: 5\r\n"), "ok length 5"},
    {"Connection is no list of tokens", get("Connection: close; x\r\n"), "connection_options"},
    {"Upgrade with bytes behind", get("Connection: Upgrade\r\nUpgrade: websocket\r\n"), "ok none"},
};

class Smuggling : public ::testing::TestWithParam<Row> {};

TEST_P(Smuggling, IsReadInOneWay) {
  const Row& row = GetParam();
  RequestHead whole, pieces;
  HeadScan scan;
  std::string moved;
  const HeadProgress at_once = parse_request_head(row.bytes, {}, scan, whole);
  const HeadProgress bytewise = parse_bytewise(row.bytes, {}, pieces, moved);
  EXPECT_EQ(request_verdict(at_once, whole), row.verdict);
  EXPECT_EQ(request_verdict(bytewise, pieces), row.verdict);
  EXPECT_EQ(at_once.at, bytewise.at);
  if (at_once.done()) {
    EXPECT_EQ(describe(whole), describe(pieces));
    EXPECT_EQ(at_once.at, row.bytes.size());
  }
}

// With another request behind it in the buffer, as pipelined or smuggled, nothing of that is taken.
TEST_P(Smuggling, LeavesWhatFollows) {
  const Row& row = GetParam();
  if (std::string_view(row.verdict) == "need_more") return;  // has no end that something could follow
  const std::string bytes = row.bytes + "GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n";
  RequestHead head;
  HeadScan scan;
  const HeadProgress progress = parse_request_head(bytes, {}, scan, head);
  EXPECT_EQ(request_verdict(progress, head), row.verdict);
  if (progress.done()) {
    EXPECT_EQ(progress.at, row.bytes.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Lines, Smuggling, ::testing::ValuesIn(kLines));
INSTANTIATE_TEST_SUITE_P(HeaderLines, Smuggling, ::testing::ValuesIn(kHeaderLines));
INSTANTIATE_TEST_SUITE_P(Framing, Smuggling, ::testing::ValuesIn(kFraming));

}  // namespace
}  // namespace cardea::l7::http
