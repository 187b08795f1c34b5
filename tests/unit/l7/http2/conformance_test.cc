// What RFC 9113 and RFC 7541 require of a server, by their numbers: bytes as a client may send them, and what has to
// come back. A connection's error is a GOAWAY with its code and then the end; a stream's is a RST_STREAM, and the
// connection goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nghttp2/nghttp2.h>

#include "tests/unit/l7/http2/raw.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::http2::test {
namespace {

using proxy::test::ok;
using proxy::test::Peer;
using proxy::test::run_until;
using proxy::test::settle;
using proxy::test::Site;

enum class End : uint8_t { kConnection, kStream, kAnswer };
struct Case {
  const char* section;
  const char* what;
  std::string bytes;  // behind the preface
  End end;
  std::vector<uint32_t> codes = {};  // any of them
  std::string settings = {};         // of the client's preface
};

std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.section << ' ' << one.what;
}

const std::string kBody = request_block("/", "POST");
std::string post(uint32_t stream, std::string_view more = {}) {
  return headers(stream, kBody + std::string(more), kEndHeaders);
}
std::string with_priority(uint32_t on) {
  return number(on, 4) + number(15, 1);
}
std::string large(size_t size) {
  return std::string(size, 'x');
}

constexpr uint32_t kProtocol = NGHTTP2_PROTOCOL_ERROR, kSize = NGHTTP2_FRAME_SIZE_ERROR,
                   kClosed = NGHTTP2_STREAM_CLOSED, kFlow = NGHTTP2_FLOW_CONTROL_ERROR,
                   kHpack = NGHTTP2_COMPRESSION_ERROR;

std::vector<Case> cases() {
  const std::string pseudo = field(":method", "GET") + field(":scheme", "http") + field(":path", "/");
  return {
      // 4: frames
      {"4.1", "a frame of an unknown type is ignored", frame(0x16, 0, 0, "12345678") + headers(1), End::kAnswer},
      {"4.1", "flags that mean nothing are ignored", frame(kPing, 0x16, 0, "12345678") + headers(1), End::kAnswer},
      {"4.1", "the reserved bit is ignored", headers(1 | 1u << 31), End::kAnswer},
      {"4.2", "DATA of the largest size", post(1) + frame(kData, kEndStream, 1, large(16'384)), End::kAnswer},
      {"4.2", "DATA over it", post(1) + frame(kData, kEndStream, 1, large(16'385)), End::kConnection, {kSize}},
      {"4.2", "HEADERS over it", headers(1, large(16'385)), End::kConnection, {kSize}},
      {"4.3", "a block that cannot be decoded", headers(1, "\xff\xff\xff\xff\xff"), End::kConnection, {kHpack}},
      {"4.3",
       "another stream's PRIORITY inside a block",
       headers(1, request_block(), kEndStream) + frame(kPriority, 0, 3, with_priority(0)),
       End::kConnection,
       {kProtocol}},
      {"4.3",
       "another stream's HEADERS inside a block",
       headers(1, request_block(), kEndStream) + headers(3),
       End::kConnection,
       {kProtocol}},
      // 5.1: states
      {"5.1", "DATA on an idle stream", frame(kData, kEndStream, 1, "test"), End::kConnection, {kProtocol}},
      {"5.1", "RST_STREAM on an idle stream", frame(kRstStream, 0, 1, number(8, 4)), End::kConnection, {kProtocol}},
      {"5.1",
       "WINDOW_UPDATE on an idle stream",
       frame(kWindowUpdate, 0, 1, number(100, 4)),
       End::kConnection,
       {kProtocol}},
      {"5.1",
       "CONTINUATION on an idle stream",
       frame(kContinuation, kEndHeaders, 1, "x"),
       End::kConnection,
       {kProtocol}},
      {"5.1", "DATA behind the end", headers(1) + frame(kData, kEndStream, 1, "test"), End::kConnection, {kClosed}},
      {"5.1", "HEADERS behind the end", headers(1) + headers(1), End::kConnection, {kClosed}},
      {"5.1",
       "CONTINUATION behind the end",
       headers(1) + frame(kContinuation, kEndHeaders, 1, request_block()),
       End::kConnection,
       {kProtocol, kClosed}},
      {"5.1",
       "DATA behind a reset",
       post(1) + frame(kRstStream, 0, 1, number(8, 4)) + frame(kData, kEndStream, 1, "t"),
       End::kStream,
       {kClosed}},
      {"5.1",
       "HEADERS behind a reset",
       post(1) + frame(kRstStream, 0, 1, number(8, 4)) + headers(1),
       End::kStream,
       {kClosed}},
      {"5.1.1", "a stream of an even number", headers(2), End::kConnection, {kProtocol}},
      {"5.1.1", "a smaller number than the last", headers(5) + headers(3), End::kConnection, {kProtocol, kClosed}},
      {"5.3.1",
       "a stream that depends on itself",
       headers(1, with_priority(1) + request_block(), kEndStream | kEndHeaders | kHasPriority),
       End::kConnection,
       {kProtocol}},
      {"5.3.1",
       "PRIORITY that depends on itself",
       frame(kPriority, 0, 1, with_priority(1)),
       End::kConnection,
       {kProtocol}},
      {"5.3.2", "PRIORITY on a stream that is not open", frame(kPriority, 0, 3, with_priority(1)) + headers(1),
       End::kAnswer},
      {"5.5",
       "an unknown frame inside a block",
       headers(1, request_block(), kEndStream) + frame(0x16, 0, 0, "1"),
       End::kConnection,
       {kProtocol}},
      // 6: frames' own rules
      {"6.1", "DATA on stream 0", frame(kData, kEndStream, 0, "test"), End::kConnection, {kProtocol}},
      {"6.1",
       "padding as long as the payload",
       post(1) + frame(kData, kEndStream | kPadded, 1,
                       "\x05"
                       "1234"),
       End::kConnection,
       {kProtocol}},
      {"6.1", "padding counts for windows and not for bodies",
       post(1) + frame(kData, kEndStream | kPadded, 1,
                       std::string("\x02"
                                   "ab\0\0",
                                   5)),
       End::kAnswer},
      {"6.2", "HEADERS on stream 0", headers(0), End::kConnection, {kProtocol}},
      {"6.2",
       "HEADERS whose padding is too long",
       headers(1, "\xff" + request_block(), kEndStream | kEndHeaders | kPadded),
       End::kConnection,
       {kProtocol}},
      {"6.3", "PRIORITY on stream 0", frame(kPriority, 0, 0, with_priority(1)), End::kConnection, {kProtocol}},
      {"6.3", "PRIORITY of another length", headers(1) + frame(kPriority, 0, 1, "1234"), End::kConnection, {kSize}},
      {"6.4", "RST_STREAM on stream 0", frame(kRstStream, 0, 0, number(8, 4)), End::kConnection, {kProtocol}},
      {"6.4", "RST_STREAM of another length", post(1) + frame(kRstStream, 0, 1, "123"), End::kConnection, {kSize}},
      {"6.5",
       "SETTINGS that acknowledges with a payload",
       frame(kSettings, kAck, 0, setting(3, 1)),
       End::kConnection,
       {kSize}},
      {"6.5", "SETTINGS on a stream", frame(kSettings, 0, 1, setting(3, 1)), End::kConnection, {kProtocol}},
      {"6.5", "SETTINGS of another length", frame(kSettings, 0, 0, "123"), End::kConnection, {kSize}},
      {"6.5.2", "ENABLE_PUSH of 2", frame(kSettings, 0, 0, setting(2, 2)), End::kConnection, {kProtocol}},
      {"6.5.2", "INITIAL_WINDOW_SIZE of 2^31", frame(kSettings, 0, 0, setting(4, 1u << 31)), End::kConnection, {kFlow}},
      {"6.5.2", "MAX_FRAME_SIZE below 2^14", frame(kSettings, 0, 0, setting(5, 16'383)), End::kConnection, {kProtocol}},
      {"6.5.2", "MAX_FRAME_SIZE of 2^24", frame(kSettings, 0, 0, setting(5, 1 << 24)), End::kConnection, {kProtocol}},
      {"6.5.2", "an unknown setting is ignored", frame(kSettings, 0, 0, setting(0xff, 1)) + headers(1), End::kAnswer},
      {"6.6",
       "PUSH_PROMISE of a client",
       frame(kPushPromise, kEndHeaders, 1, number(2, 4) + request_block()),
       End::kConnection,
       {kProtocol}},
      {"6.7", "PING on a stream", frame(kPing, 0, 1, "12345678"), End::kConnection, {kProtocol}},
      {"6.7", "PING of another length", frame(kPing, 0, 0, "123456"), End::kConnection, {kSize}},
      {"6.8", "GOAWAY on a stream", frame(kGoaway, 0, 1, number(0, 8)), End::kConnection, {kProtocol}},
      {"6.9", "an increment of 0, connection", frame(kWindowUpdate, 0, 0, number(0, 4)), End::kConnection, {kProtocol}},
      {"6.9",
       "an increment of 0, stream",
       post(1) + frame(kWindowUpdate, 0, 1, number(0, 4)),
       End::kConnection,
       {kProtocol}},
      {"6.9", "WINDOW_UPDATE of another length", frame(kWindowUpdate, 0, 0, "123"), End::kConnection, {kSize}},
      {"6.9.1",
       "a connection's window over 2^31-1",
       frame(kWindowUpdate, 0, 0, number(0x7fffffff, 4)) + frame(kWindowUpdate, 0, 0, number(0x7fffffff, 4)),
       End::kConnection,
       {kFlow}},
      {"6.9.1",
       "a stream's window over 2^31-1",
       post(1) + frame(kWindowUpdate, 0, 1, number(0x7fffffff, 4)),
       End::kStream,
       {kFlow}},
      {"6.9.2",
       "a setting that takes a stream's window over 2^31-1",
       post(1) + frame(kWindowUpdate, 0, 1, number(0x7fff0000, 4)) + frame(kSettings, 0, 0, setting(4, 0x7fffffff)),
       End::kStream,
       {kFlow}},
      {"6.10", "CONTINUATION goes on a block",
       headers(1, pseudo, kEndStream) + frame(kContinuation, 0, 1, field(":authority", "shop.example")) +
           frame(kContinuation, kEndHeaders, 1, field("x-late", "1")),
       End::kAnswer},
      {"6.10",
       "DATA inside a block",
       headers(1, request_block(), 0) + frame(kData, kEndStream, 1, "test"),
       End::kConnection,
       {kProtocol}},
      {"6.10",
       "CONTINUATION on stream 0",
       headers(1, request_block(), kEndStream) + frame(kContinuation, 4, 0, "x"),
       End::kConnection,
       {kProtocol}},
      {"6.10",
       "CONTINUATION behind a whole block",
       headers(1) + frame(kContinuation, kEndHeaders, 1, "x"),
       End::kConnection,
       {kProtocol, kClosed}},
      // 8: messages
      {"8.1",
       "a second HEADERS that does not end the stream",
       post(1) + headers(1, field("x-a", "1"), kEndHeaders),
       End::kStream,
       {kProtocol}},
      {"8.1", "trailers end a request", post(1) + frame(kData, 0, 1, "ab") + headers(1, field("x-sum", "1")),
       End::kAnswer},
      {"8.1",
       "a pseudo-header field in trailers",
       post(1) + headers(1, field(":method", "GET")),
       End::kStream,
       {kProtocol}},
      {"8.1.1",
       "a length that DATA exceeds",
       post(1, field("content-length", "1")) + frame(kData, kEndStream, 1, "test"),
       End::kStream,
       {kProtocol}},
      {"8.1.1",
       "a length that several DATA do not reach",
       post(1, field("content-length", "9")) + frame(kData, 0, 1, "test") + frame(kData, kEndStream, 1, "test"),
       End::kStream,
       {kProtocol}},
      {"8.1.1", "a length without a body", headers(1, kBody + field("content-length", "1")), End::kStream, {kProtocol}},
      {"8.2.1", "a name in capitals", headers(1, request_block() + field("X-TEST", "1")), End::kStream, {kProtocol}},
      {"8.2.2",
       "a field about the connection",
       headers(1, request_block() + field("connection", "close")),
       End::kStream,
       {kProtocol}},
      {"8.2.2",
       "TE that says more than trailers",
       headers(1, request_block() + field("te", "trailers, deflate")),
       End::kStream,
       {kProtocol}},
      {"8.2.2", "TE that says trailers", headers(1, request_block() + field("te", "trailers")), End::kAnswer},
      {"8.3",
       "an unknown pseudo-header field",
       headers(1, request_block() + field(":test", "1")),
       End::kStream,
       {kProtocol}},
      {"8.3",
       "a response's pseudo-header field",
       headers(1, request_block() + field(":status", "200")),
       End::kStream,
       {kProtocol}},
      {"8.3",
       "a pseudo-header field behind another",
       headers(1, pseudo + field("x-a", "1") + field(":authority", "shop.example")),
       End::kStream,
       {kProtocol}},
      {"8.3.1", "an empty path", headers(1, request_block("")), End::kStream, {kProtocol}},
      {"8.3.1",
       "no method",
       headers(1, field(":scheme", "http") + field(":path", "/") + field(":authority", "a")),
       End::kStream,
       {kProtocol}},
      {"8.3.1",
       "no scheme",
       headers(1, field(":method", "GET") + field(":path", "/") + field(":authority", "a")),
       End::kStream,
       {kProtocol}},
      {"8.3.1",
       "no path",
       headers(1, field(":method", "GET") + field(":scheme", "http") + field(":authority", "a")),
       End::kStream,
       {kProtocol}},
      {"8.3.1", "a method twice", headers(1, request_block() + field(":method", "GET")), End::kStream, {kProtocol}},
      {"8.3.1", "a scheme twice", headers(1, field(":scheme", "http") + request_block()), End::kStream, {kProtocol}},
      {"8.3.1", "a path twice", headers(1, field(":path", "/") + request_block()), End::kStream, {kProtocol}},
      {"8.3.1", "Host alone names the host", headers(1, pseudo + field("host", "shop.example")), End::kAnswer},
      // HPACK
      {"7541 2.3.3", "an index beyond both tables", headers(1, request_block() + "\xc6"), End::kConnection, {kHpack}},
      {"7541 4.2", "a table size at a block's end", headers(1, request_block() + "\x20"), End::kConnection, {kHpack}},
      {"7541 5.2",
       "a Huffman padding of eight bits",
       headers(1, request_block() + std::string("\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff", 12)),
       End::kConnection,
       {kHpack}},
      {"7541 5.2",
       "a Huffman padding of zeros",
       headers(1, request_block() + std::string("\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90", 11)),
       End::kConnection,
       {kHpack}},
      {"7541 5.2",
       "Huffman's EOS in a string",
       headers(1, request_block() + std::string("\x00\x85\xf2\xb2\x4a\x84\xff\x87\x49\x51\xff\xff\xff\xfa\x7f", 15)),
       End::kConnection,
       {kHpack}},
      {"7541 6.1", "index 0", headers(1, request_block() + "\x80"), End::kConnection, {kHpack}},
      {"7541 6.3",
       "a table larger than was offered",
       headers(1, "\x3f\xe1\xff\x03" + request_block()),
       End::kConnection,
       {kHpack}},
  };
}

class Conformance : public testing::TestWithParam<Case> {
 protected:
  Conformance() : peer_(site_.client("shop")) {}

  // Everything that came, as the backend answers what is asked of it.
  void play(const Case& one) {
    peer_.send(preface(one.settings) + one.bytes);
    std::optional<Peer> backend;
    const auto enough = [&] {
      const bool ended = look();
      if (!backend && site_.origin().has_caller()) {
        backend.emplace(site_.origin().accept());
        if (one.end == End::kAnswer) backend->head(), backend->send(ok("fine"));
      }
      return ended || (one.end != End::kConnection && is_over());
    };
    EXPECT_TRUE(run_until(site_.loop(), enough)) << "nothing came back";
  }
  // Takes what came; true: the connection has ended.
  bool look() {
    const bool ended = peer_.ended();
    came_ += peer_.what_came();
    for (Frame& frame : take_frames(came_)) frames_.push_back(std::move(frame));
    return ended;
  }
  bool is_over() const {
    for (const Frame& frame : frames_) {
      if (frame.type == kRstStream || (frame.stream == 1 && frame.flags & kEndStream && frame.type != kSettings))
        return true;
    }
    return false;
  }
  const Frame* first(uint8_t type) const {
    for (const Frame& frame : frames_) {
      if (frame.type == type) return &frame;
    }
    return nullptr;
  }

  Site site_{[](image::PlanT& plan) { plan.services[0]->http2 = true; }};
  Peer peer_;
  std::string came_;
  std::vector<Frame> frames_;
};

TEST_P(Conformance, IsAnsweredAsRequired) {
  const Case& one = GetParam();
  play(one);
  const Frame *goaway = first(kGoaway), *reset = first(kRstStream);
  switch (one.end) {
    case End::kConnection:
      ASSERT_TRUE(goaway);
      EXPECT_THAT(one.codes, testing::Contains(goaway->word(4)));
      break;
    case End::kStream:
      ASSERT_TRUE(reset);
      EXPECT_THAT(one.codes, testing::Contains(reset->word()));
      EXPECT_FALSE(goaway);
      break;
    case End::kAnswer:
      EXPECT_FALSE(goaway || reset);
      ASSERT_TRUE(first(kData));
      EXPECT_EQ(first(kData)->payload, "fine");
      break;
  }
}

INSTANTIATE_TEST_SUITE_P(Rfc9113, Conformance, testing::ValuesIn(cases()));

class Bytes : public Conformance {};

// 3.4: anything else than the preface ends the connection.
TEST_F(Bytes, AnotherPrefaceEndsTheConnection) {
  peer_.send("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + frame(kSettings, 0, 0));
  EXPECT_TRUE(run_until(site_.loop(), [&] { return peer_.ended(); }));
}

// 3.4: SETTINGS comes first.
TEST_F(Bytes, AnotherFrameThanSettingsFirstEndsTheConnection) {
  peer_.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(kPing, 0, 0, "12345678"));
  EXPECT_TRUE(run_until(site_.loop(), [&] { return peer_.ended(); }));
}

// 6.5.3, 6.7: what has to be acknowledged is.
TEST_F(Bytes, SettingsAndPingAreAcknowledged) {
  peer_.send(preface() + frame(kPing, 0, 0, "12345678"));
  const auto has_both = [&] {
    look();
    return first(kPing) != nullptr;
  };
  ASSERT_TRUE(run_until(site_.loop(), has_both));
  EXPECT_EQ(first(kPing)->payload, "12345678");
  EXPECT_EQ(first(kPing)->flags, kAck);
  const auto acknowledges = [](const Frame& frame) { return frame.type == kSettings && frame.flags == kAck; };
  EXPECT_TRUE(std::ranges::any_of(frames_, acknowledges));
}

// 6.9.2: a window may be made smaller than what is under way, and negative; nothing is sent until it is open again.
TEST_F(Bytes, ANegativeWindowIsWaitedOut) {
  peer_.send(preface(setting(4, 3)) + headers(1));
  Peer backend = site_.origin().accept();
  backend.head();
  backend.send(ok("abcdef"));
  const auto body = [&] {
    look();
    std::string all;
    for (const Frame& frame : frames_) all += frame.type == kData ? frame.payload : "";
    return all;
  };
  ASSERT_TRUE(run_until(site_.loop(), [&] { return body() == "abc"; }));
  peer_.send(frame(kSettings, 0, 0, setting(4, 1)));  // the window is -2 now
  peer_.send(frame(kWindowUpdate, 0, 1, number(2, 4)));
  settle(site_.loop());
  EXPECT_EQ(body(), "abc");
  peer_.send(frame(kWindowUpdate, 0, 1, number(3, 4)));
  EXPECT_TRUE(run_until(site_.loop(), [&] { return body() == "abcdef"; }));
}

// 5.1.2: who asks for more than it may is refused what it may ask for again.
TEST_F(Bytes, MoreStreamsThanAreAllowedAreRefused) {
  std::string all = preface();
  for (uint32_t i = 0; i < 101; ++i) all += headers(2 * i + 1);
  peer_.send(all);
  const auto refused = [&] {
    look();
    return first(kRstStream) != nullptr;
  };
  ASSERT_TRUE(run_until(site_.loop(), refused));
  EXPECT_EQ(first(kRstStream)->stream, 201u);
  EXPECT_EQ(first(kRstStream)->word(), uint32_t(NGHTTP2_REFUSED_STREAM));
}

}  // namespace
}  // namespace cardea::l7::http2::test
