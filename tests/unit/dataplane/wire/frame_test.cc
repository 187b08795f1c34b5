// Frames cut, bent and extended: each fault has its name, and what has none can be read whole.
#include "dataplane/wire/frame.h"

#include <gtest/gtest.h>

#include "tests/packets/site.h"

namespace cardea::dataplane::wire {
namespace {

using test::frame;
using test::tuple;

const FlowTuple kFour = tuple("198.51.100.7:5555", "203.0.113.1:80"),
                kSix = tuple("[2001:db8::7]:5555", "[2001:db8::1]:80");

Fault fault(const std::vector<std::byte>& bytes) {
  FlowTuple t;
  return read_frame(bytes, t).fault;
}

// The frame with extension headers put between the IPv6 header and its payload.
std::vector<std::byte> extended(std::vector<std::byte> bytes, uint8_t first, const std::vector<uint8_t>& extension) {
  bytes[14 + 6] = std::byte(first);
  const auto* at = reinterpret_cast<const std::byte*>(extension.data());
  bytes.insert(bytes.begin() + 54, at, at + extension.size());
  store_be16(bytes.data() + 18, uint16_t(bytes.size() - 54));
  return bytes;
}

TEST(Frame, TheTupleAndTheOffsetsOfBothFamilies) {
  for (const FlowTuple& in : {kFour, kSix}) {
    FlowTuple out;
    const std::vector<std::byte> bytes = frame({in, 0x12, 5, 33});
    const Frame f = read_frame(bytes, out);
    EXPECT_EQ(f.fault, Fault::kNone);
    EXPECT_EQ(out, in);
    EXPECT_EQ(f.ttl, 33);
    EXPECT_EQ(f.tcp_flags, 0x12);
    EXPECT_EQ(f.l3 + f.l3_length, int(bytes.size()));
    EXPECT_EQ(f.l4, in.source.is_v4() ? 34 : 54);
  }
}

TEST(Frame, EveryShorterFrameIsRefusedAndPaddingIsNot) {
  for (const FlowTuple& in : {kFour, kSix}) {
    std::vector<std::byte> bytes = frame({in});
    for (size_t size = 0; size < bytes.size(); ++size) {
      FlowTuple t;
      EXPECT_NE(read_frame({bytes.data(), size}, t).fault, Fault::kNone) << size;
    }
    const auto length = uint16_t(bytes.size());
    bytes.resize(bytes.size() + 20);
    FlowTuple t;
    EXPECT_EQ(read_frame(bytes, t).l3_length + 14, length);
  }
}

TEST(Frame, OptionsAreSkipped) {
  std::vector<std::byte> bytes = frame({kFour});
  bytes.insert(bytes.begin() + 34, 8, std::byte{1});
  bytes[14] = std::byte{0x47};
  store_be16(bytes.data() + 16, uint16_t(bytes.size() - 14));
  FlowTuple t;
  const Frame f = read_frame(bytes, t);
  EXPECT_EQ(f.fault, Fault::kNone);
  EXPECT_EQ(f.l4, 42);
  EXPECT_EQ(t, kFour);
}

TEST(Frame, FragmentsAreMarkedAndLaterOnesHaveNoPorts) {
  std::vector<std::byte> bytes = frame({kFour});
  FlowTuple t;
  store_be16(bytes.data() + 20, 0x2000);
  Frame f = read_frame(bytes, t);
  EXPECT_EQ(f.fault, Fault::kNone);
  EXPECT_TRUE(f.flags & kFragment);
  EXPECT_NE(f.l4, 0);
  store_be16(bytes.data() + 20, 0x0007);
  f = read_frame(bytes, t);
  EXPECT_EQ(f.fault, Fault::kNone);
  EXPECT_TRUE(f.flags & kFragment);
  EXPECT_EQ(f.l4, 0);
}

TEST(Frame, ExtensionHeadersAreWalked) {
  const std::vector<std::byte> plain = frame({kSix});
  FlowTuple t;
  Frame f = read_frame(
      extended(plain, 0, {60, 0, 1, 4, 0, 0, 0, 0, /* then */ 6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), t);
  EXPECT_EQ(f.fault, Fault::kNone);
  EXPECT_EQ(f.l4, 54 + 24);
  EXPECT_EQ(t, kSix);
  f = read_frame(extended(plain, 51, {6, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), t);
  EXPECT_EQ(f.fault, Fault::kNone) << "an authentication header counts in words of four";
  EXPECT_EQ(f.l4, 54 + 24);
}

TEST(Frame, ARouteStillToGoIsRefused) {
  const std::vector<std::byte> plain = frame({kSix});
  for (const uint8_t type : {0, 2, 4}) {
    EXPECT_EQ(fault(extended(plain, 43, {6, 0, type, 1, 0, 0, 0, 0})), Fault::kExtension);
    EXPECT_EQ(fault(extended(plain, 43, {6, 0, type, 0, 0, 0, 0, 0})), Fault::kNone) << "gone to its end";
  }
}

TEST(Frame, Ipv6Fragments) {
  const std::vector<std::byte> plain = frame({kSix});
  FlowTuple t;
  Frame f = read_frame(extended(plain, 44, {6, 0, 0, 0, 0, 0, 0, 1}), t);
  EXPECT_EQ(f.fault, Fault::kNone);
  EXPECT_FALSE(f.flags & kFragment) << "an atomic fragment is whole (RFC 6946)";
  f = read_frame(extended(plain, 44, {6, 0, 0, 1, 0, 0, 0, 1}), t);
  EXPECT_TRUE(f.flags & kFragment);
  EXPECT_NE(f.l4, 0);
  f = read_frame(extended(plain, 44, {6, 0, 0, 8, 0, 0, 0, 1}), t);
  EXPECT_EQ(f.fault, Fault::kNone);
  EXPECT_EQ(f.l4, 0);
}

TEST(Frame, ExtensionHeadersThatAreTooManyOrTooLong) {
  const std::vector<std::byte> plain = frame({kSix});
  std::vector<uint8_t> many;
  for (int i = 0; i < kExtensionHeadersMax; ++i) many.insert(many.end(), {60, 0, 1, 4, 0, 0, 0, 0});
  many[many.size() - 8] = 6;
  EXPECT_EQ(fault(extended(plain, 60, many)), Fault::kNone);
  many[many.size() - 8] = 60;
  many.insert(many.end(), {6, 0, 1, 4, 0, 0, 0, 0});
  EXPECT_EQ(fault(extended(plain, 60, many)), Fault::kExtension);
  EXPECT_EQ(fault(extended(plain, 60, {6, 200, 1, 4, 0, 0, 0, 0})), Fault::kExtension);
  EXPECT_EQ(fault(extended(plain, 59, {})), Fault::kNotTcpUdp);
}

TEST(Frame, LengthsThatMakeNoSense) {
  const auto bent = [](const FlowTuple& t, size_t at, uint8_t value) {
    std::vector<std::byte> bytes = frame({t});
    bytes[at] = std::byte(value);
    return fault(bytes);
  };
  EXPECT_EQ(bent(kFour, 14, 0x65), Fault::kIpHeader) << "version 6 in an IPv4 frame";
  EXPECT_EQ(bent(kFour, 14, 0x44), Fault::kIpHeader) << "a header of 16 bytes";
  EXPECT_EQ(bent(kFour, 17, 19), Fault::kIpHeader) << "shorter than its header";
  EXPECT_EQ(bent(kFour, 17, 39), Fault::kL4Header) << "no room for TCP";
  EXPECT_EQ(bent(kFour, 46, 0xf0), Fault::kL4Header) << "TCP options beyond the packet";
  EXPECT_EQ(bent(kFour, 23, 1), Fault::kNotTcpUdp);
  EXPECT_EQ(bent(kSix, 14, 0x40), Fault::kIpHeader);
  EXPECT_EQ(bent(kSix, 18, 0xff), Fault::kTruncated);
  std::vector<std::byte> longest = frame({kSix});
  store_be16(longest.data() + 18, 0xffff);
  EXPECT_EQ(fault(longest), Fault::kIpHeader) << "with its header it is longer than any packet may be";
  FlowTuple udp = kFour;
  udp.protocol = Protocol::kUdp;
  EXPECT_EQ(bent(udp, 39, 7), Fault::kL4Header);
  EXPECT_EQ(bent(udp, 39, 200), Fault::kL4Header);
  FlowTuple no_port = kFour;
  no_port.source_port_be = 0;
  EXPECT_EQ(fault(frame({no_port})), Fault::kL4Header);
}

TEST(Frame, OtherProtocols) {
  std::vector<std::byte> bytes = frame({kFour});
  for (const auto& [type, expected] :
       {std::pair{0x0806, Fault::kNotIp}, {0x8100, Fault::kVlan}, {0x88a8, Fault::kVlan}}) {
    store_be16(bytes.data() + 12, uint16_t(type));
    EXPECT_EQ(fault(bytes), expected);
  }
}

}  // namespace
}  // namespace cardea::dataplane::wire
