// The program in the kernel against wire/'s reading of the same frames: by hand, cut, and bent by chance. Run as root.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>

#include "base/check.h"
#include "dataplane/path/batch.h"
#include "dataplane/wire/quote.h"
#include "dataplane/wire/tunnel_quote.h"
#include "tests/packets/errors.h"
#include "tests/packets/reference_sum.h"
#include "tests/packets/fragments.h"
#include "tests/packets/site.h"
#include "tests/unit/dataplane/xdp/loaded_program.h"

namespace cardea::dataplane::xdp::test {
namespace {

using dataplane::test::error_about;
using dataplane::test::Frame;
using dataplane::test::frame;
using dataplane::test::FrameSpec;
using dataplane::test::tuple;

constexpr std::array<uint8_t, 6> kMac = {0x02, 0, 0, 0, 0, 0x05};

// ---- what wire/ says

// As path/parse.cc takes it off.
void take_priority_tag(Frame& bytes) {
  if (bytes.size() < 18 || load_be16(bytes.data() + 12) != wire::kEtherVlan) return;
  if ((load_be16(bytes.data() + 14) & 0xfff) == 0) bytes.erase(bytes.begin() + 12, bytes.begin() + 16);
}

const TakenAddress* use_of(const Share& share, const IpAddress& address, uint16_t flags) {
  const auto at = share.addresses.find(address);
  return at == share.addresses.end() || (at->second.flags & flags) == 0 ? nullptr : &at->second;
}

Reason reason_of_port(const Share& share, const FlowTuple& tuple) {
  if (share.ports.contains({tuple.destination, tuple.destination_port_be, tuple.protocol})) return k_service;
  const TakenAddress* nat = use_of(share, tuple.destination, kNat);
  const uint16_t port = __builtin_bswap16(tuple.destination_port_be);
  if (nat != nullptr && port >= nat->nat_first && port <= nat->nat_last) return k_nat;
  const bool own = use_of(share, tuple.destination, kOwnTcp) != nullptr && tuple.protocol == Protocol::kTcp;
  return own && DoorPorts{}.covers(port) ? k_own_tcp : k_kernel;
}

// The program looks at no checksum and compares no MTU: what it takes for an error is one once these are right.
Reason reason_of_error(const Share& share, Frame bytes, const wire::Frame& read, const FlowTuple& tuple) {
  const bool v4 = read.family == 4;
  wire::Frame mended = read;
  const uint32_t icmp = read.l3 + (v4 ? (uint32_t(bytes[14]) & 0xf) * 4 : 40u),
                 end = uint32_t{read.l3} + read.l3_length;
  if (icmp + 8 > end) return k_kernel;
  mended.l4 = uint16_t(icmp);
  dataplane::test::set_icmp_sum(bytes, mended);
  FlowTuple quoted = tuple;
  mended = read;
  if (wire::read_quote(bytes, mended, quoted)) return reason_of_port(share, quoted) == k_kernel ? k_kernel : k_quote;
  if (icmp + 8 + 20 > end) return k_kernel;
  store_be16(bytes.data() + icmp + 6, 0);
  store_be16(bytes.data() + icmp + 8 + (v4 ? 2 : 4), 0xff00);
  mended.l4 = uint16_t(icmp);
  dataplane::test::set_icmp_sum(bytes, mended);
  const bool tunnel = wire::read_tunnel_too_big(bytes, read, tuple).has_value();
  return tunnel && use_of(share, tuple.destination, kTunnels) != nullptr ? k_tunnel : k_kernel;
}

Reason by_wire(const Share& share, Frame bytes) {
  if (!for_this_port(link_address(kMac.data()), bytes.data())) return k_kernel;
  take_priority_tag(bytes);
  FlowTuple tuple;
  const wire::Frame read = wire::read_frame(bytes, tuple);
  const bool ours = use_of(share, tuple.destination, kServices | kNat | kOwnTcp) != nullptr;
  switch (read.fault) {
    case wire::Fault::kNone:
      if (read.flags & wire::kFragment) return ours ? k_fragment : k_kernel;
      return reason_of_port(share, tuple);
    case wire::Fault::kExtension:
    case wire::Fault::kL4Header:
      return ours ? k_unreadable : k_kernel;
    case wire::Fault::kNotTcpUdp:
      return reason_of_error(share, std::move(bytes), read, tuple);
    case wire::Fault::kNotIp:
    case wire::Fault::kVlan:
    case wire::Fault::kTruncated:
    case wire::Fault::kIpHeader:
      return k_kernel;
  }
  return k_kernel;
}

// ---- frames

Frame to_port(Frame bytes, const std::array<uint8_t, 6>& mac = kMac) {
  std::memcpy(bytes.data(), mac.data(), mac.size());
  return bytes;
}

Frame put(Frame bytes, size_t at, std::initializer_list<uint8_t> values) {
  for (const uint8_t value : values) bytes.at(at++) = std::byte{value};
  return bytes;
}

Frame tagged(Frame bytes, uint16_t type, uint16_t vlan) {
  const std::byte tag[] = {std::byte(type >> 8), std::byte(type & 0xff), std::byte(vlan >> 8), std::byte(vlan & 0xff)};
  bytes.insert(bytes.begin() + 12, std::begin(tag), std::end(tag));
  return bytes;
}

// IPv6 extension headers before the payload; `first` names the first of them.
Frame extended(Frame bytes, uint8_t first, const std::vector<uint8_t>& headers) {
  bytes[20] = std::byte{first};
  const auto* at = reinterpret_cast<const std::byte*>(headers.data());
  bytes.insert(bytes.begin() + 54, at, at + headers.size());
  store_be16(bytes.data() + 18, uint16_t(bytes.size() - 54));
  return bytes;
}

Frame with_options(Frame bytes) {
  bytes.insert(bytes.begin() + 34, 8, std::byte{1});
  store_be16(bytes.data() + 16, uint16_t(bytes.size() - 14));
  return put(std::move(bytes), 14, {0x47});
}

std::vector<uint8_t> chain(size_t headers, uint8_t last) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < headers; ++i)
    bytes.insert(bytes.end(), {i + 1 == headers ? last : uint8_t{60}, 0, 1, 4, 0, 0, 0, 0});
  return bytes;
}

Frame tcp(const std::string& to) {
  return to_port(frame({tuple(to[0] == '[' ? "[2001:db8:9::7]:5" : "198.51.100.7:5", to)}));
}
Frame udp(const std::string& to) {
  return to_port(frame({tuple(to[0] == '[' ? "[2001:db8:9::7]:5" : "198.51.100.7:5", to, Protocol::kUdp)}));
}

// About what one of our addresses sent.
Frame error(const std::string& sender, uint8_t type, Protocol protocol = Protocol::kTcp) {
  const bool v6 = sender[0] == '[';
  const Frame sent =
      frame({.tuple = tuple(sender, v6 ? "[fd00::11]:8080" : "10.0.0.11:8080", protocol), .payload = 64});
  return to_port(error_about(sent, {v6 ? "fd00::99" : "10.0.0.99", type, uint8_t(v6 ? 0 : 4), 48}));
}

// About an outer packet of a tunnel.
Frame tunnel_error(const std::string& sender, uint8_t type, uint8_t inner) {
  const bool v6 = sender[0] == '[';
  return put(error(sender, type), v6 ? 54 + 8 + 6 : 34 + 8 + 9, {inner});
}

struct Row {
  const char* what;
  Frame frame;
  Reason reason;
};

std::vector<Row> rows_of_services() {
  return {
      {"TCP to a service", tcp("203.0.113.1:80"), k_service},
      {"TCP to a service, IPv6", tcp("[2001:db8::1]:80"), k_service},
      {"UDP to a service", udp("203.0.113.1:53"), k_service},
      {"UDP to a service, IPv6", udp("[2001:db8::1]:53"), k_service},
      {"to a service by a tunnel", tcp("203.0.113.2:80"), k_service},
      {"the other protocol", udp("203.0.113.1:80"), k_kernel},
      {"another port", tcp("203.0.113.1:81"), k_kernel},
      {"another port, IPv6", tcp("[2001:db8::1]:81"), k_kernel},
      {"a local service", tcp("203.0.113.3:80"), k_kernel},
      {"a local service, IPv6", tcp("[2001:db8::3]:80"), k_kernel},
      {"a service of our own TCP", tcp("203.0.113.4:80"), k_service},
      {"a service of our own TCP, IPv6", tcp("[2001:db8::4]:80"), k_service},
      {"an answer to our own TCP", tcp("10.0.0.1:61000"), k_own_tcp},
      {"the last of its ports, IPv6", tcp("[fd00::1]:65535"), k_own_tcp},
      {"the port before the first", tcp("10.0.0.1:60999"), k_kernel},
      {"UDP to one of its ports", udp("10.0.0.1:61000"), k_kernel},
      {"one of its ports at a service's address", tcp("203.0.113.1:61000"), k_kernel},
      {"nobody's address", tcp("203.0.113.9:80"), k_kernel},
      {"ssh to a port's address", tcp("10.0.0.1:22"), k_kernel},
      {"the first NAT port", tcp("10.0.0.1:1024"), k_nat},
      {"the last NAT port", udp("10.0.0.1:32767"), k_nat},
      {"the first one beyond", tcp("10.0.0.1:32768"), k_kernel},
      {"the last one before", udp("10.0.0.1:1023"), k_kernel},
      {"a NAT port, IPv6", tcp("[fd00::1]:2000"), k_nat},
      {"ssh, IPv6", tcp("[fd00::1]:22"), k_kernel},
  };
}

std::vector<Row> rows_of_links() {
  const Frame service = tcp("203.0.113.1:80");
  return {
      {"another host's link address", to_port(service, {2, 0, 0, 0, 0, 6}), k_kernel},
      {"broadcast", to_port(service, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), k_kernel},
      {"VRRP's address", to_port(service, {0, 0, 0x5e, 0, 1, 7}), k_service},
      {"VRRP's address for IPv6", to_port(tcp("[2001:db8::1]:80"), {0, 0, 0x5e, 0, 2, 7}), k_service},
      {"nearly VRRP's", to_port(service, {0, 0, 0x5e, 0, 3, 7}), k_kernel},
      {"a priority tag", tagged(service, 0x8100, 0xe000), k_service},
      {"a VLAN", tagged(service, 0x8100, 5), k_kernel},
      {"two priority tags", tagged(tagged(service, 0x8100, 0), 0x8100, 0), k_kernel},
      {"a service tag", tagged(service, 0x88a8, 0), k_kernel},
      {"ARP", put(service, 12, {0x08, 0x06}), k_kernel},
  };
}

std::vector<Row> rows_of_headers() {
  const Frame four = tcp("203.0.113.1:80"), six = tcp("[2001:db8::1]:80"), datagram = udp("203.0.113.1:53");
  return {
      {"IPv4 options", with_options(four), k_service},
      {"padding",
       [&] {
         Frame padded = four;
         padded.resize(90);
         return padded;
       }(),
       k_service},
      {"version 5", put(four, 14, {0x55}), k_kernel},
      {"an IPv4 header of 16 bytes", put(four, 14, {0x44}), k_kernel},
      {"longer than the frame", put(four, 16, {0x40, 0}), k_kernel},
      {"shorter than its header", put(four, 16, {0, 19}), k_kernel},
      {"from port 0", put(four, 34, {0, 0}), k_unreadable},
      {"a TCP header of 16 bytes", put(four, 46, {0x40}), k_unreadable},
      {"a TCP header longer than the packet", put(four, 46, {0xf0}), k_unreadable},
      {"UDP shorter than its header", put(datagram, 38, {0, 7}), k_unreadable},
      {"UDP longer than the packet", put(datagram, 38, {0, 200}), k_unreadable},
      {"unreadable, to nobody of ours", put(tcp("203.0.113.3:80"), 34, {0, 0}), k_kernel},
      {"GRE", put(four, 23, {47}), k_kernel},
      {"destination options", extended(six, 60, chain(1, 6)), k_service},
      {"eight extension headers", extended(six, 60, chain(8, 6)), k_service},
      {"nine", extended(six, 60, chain(9, 6)), k_unreadable},
      {"authentication", extended(six, 51, {6, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
       k_service},
      {"a route that is done", extended(six, 43, {6, 0, 2, 0, 0, 0, 0, 0}), k_service},
      {"a route still to go", extended(six, 43, {6, 0, 2, 1, 0, 0, 0, 0}), k_unreadable},
      {"an extension header beyond the end", extended(six, 60, {6, 200, 1, 4, 0, 0, 0, 0}), k_unreadable},
      {"no next header", extended(six, 59, {0, 0, 0, 0, 0, 0, 0, 0}), k_kernel},
      {"a fragment header of a whole packet", extended(six, 44, {6, 0, 0, 0, 0, 0, 0, 9}), k_service},
  };
}

std::vector<Row> rows_of_fragments() {
  std::vector<Row> rows;
  for (const char* to : {"203.0.113.1:53", "[2001:db8::1]:53", "10.0.0.1:2000", "203.0.113.3:53"}) {
    const bool v6 = to[0] == '[';
    const Frame whole = to_port(
        frame({.tuple = tuple(v6 ? "[2001:db8:9::7]:5" : "198.51.100.7:5", to, Protocol::kUdp), .payload = 400}));
    for (const Frame& one : dataplane::test::fragments_of(whole, 200, 77))
      rows.push_back({to, one, std::string_view(to) == "203.0.113.3:53" ? k_kernel : k_fragment});
  }
  rows.push_back({"a later fragment of ICMP", put(put(tcp("203.0.113.1:80"), 23, {1}), 20, {0, 7}), k_kernel});
  return rows;
}

std::vector<Row> rows_of_errors() {
  return {
      {"about a service's packet", error("203.0.113.1:80", 3), k_quote},
      {"time exceeded", error("203.0.113.1:53", 11, Protocol::kUdp), k_quote},
      {"parameter problem", error("203.0.113.1:80", 12), k_quote},
      {"about our own TCP's", error("10.0.0.1:61000", 3), k_quote},
      {"about our own TCP's, IPv6", error("[fd00::1]:65535", 2), k_quote},
      {"about the NAT's", error("10.0.0.1:2000", 3), k_quote},
      {"about the NAT's, IPv6", error("[fd00::1]:2000", 2), k_quote},
      {"unreachable, IPv6", error("[2001:db8::1]:80", 1), k_quote},
      {"about the host's own", error("10.0.0.1:40000", 3), k_kernel},
      {"about a local service's", error("203.0.113.3:80", 3), k_kernel},
      {"redirect", error("203.0.113.1:80", 5), k_kernel},
      {"echo", error("203.0.113.1:80", 8), k_kernel},
      {"echo, IPv6", error("[2001:db8::1]:80", 128), k_kernel},
      {"a wrong checksum is seen elsewhere", put(error("203.0.113.1:80", 3), 36, {1, 2}), k_quote},
      {"not sent to whom it quotes", put(error("203.0.113.1:80", 3), 33, {2}), k_kernel},
      {"about a later fragment", put(error("203.0.113.1:80", 3), 34 + 8 + 6, {0, 9}), k_kernel},
      {"about port 0", put(error("203.0.113.1:80", 3), 34 + 8 + 20 + 2, {0, 0}), k_kernel},
      {"about a tunnel", tunnel_error("10.0.0.1:2000", 3, 4), k_tunnel},
      {"about a tunnel of IPv6", tunnel_error("[fd00::1]:2000", 2, 41), k_tunnel},
      {"unreachable, about a tunnel", tunnel_error("[fd00::1]:2000", 1, 41), k_kernel},
      {"about a tunnel that is not ours", tunnel_error("203.0.113.1:80", 3, 4), k_kernel},
  };
}

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  for (const auto& some :
       {rows_of_services(), rows_of_links(), rows_of_headers(), rows_of_fragments(), rows_of_errors()})
    rows.insert(rows.end(), some.begin(), some.end());
  return rows;
}

// A program with the site's plan in its maps, loaded once.
struct Shared {
  Shared() {
    CHECK(program.filter.set_link_address(kMac).has_value());
    CHECK(program.filter.add(share).has_value());
  }
  dataplane::test::Site site{{.shards = 1}};
  Share share = share_of(*site.plan);
  LoadedProgram program;
};
Shared& shared() {
  static Shared& one = *new Shared;
  return one;
}

// The verdict frame by frame, the reasons in sum.
void expect_as_wire(const std::vector<Frame>& frames) {
  Shared& at = shared();
  std::array<uint64_t, kReasons> wanted = at.program.filter.counts().value();
  for (const Frame& one : frames) {
    const Reason reason = by_wire(at.share, one);
    ++wanted[reason];
    if (reason != k_kernel) ++wanted[k_unattended];
    ASSERT_EQ(at.program.verdict(one), reason == k_kernel ? XDP_PASS : XDP_DROP)
        << testing::PrintToString(one) << "\nwire says " << reason;
  }
  EXPECT_EQ(at.program.filter.counts().value(), wanted);
}

TEST(ShareProgram, TakesWhatItShould) {
  for (const Row& row : all_rows()) {
    EXPECT_EQ(shared().program.reason(row.frame), row.reason) << row.what;
    EXPECT_EQ(by_wire(shared().share, row.frame), row.reason) << row.what;
  }
}

TEST(ShareProgram, ReadsFramesThatEndAnywhereAsWireDoes) {
  std::vector<Frame> frames;
  for (const Row& row : all_rows())
    for (size_t size = 14; size < row.frame.size(); ++size)
      frames.emplace_back(row.frame.begin(), row.frame.begin() + std::ptrdiff_t(size));
  expect_as_wire(frames);
}

// The same with the IP length as short as the frame, so that what is missing is behind it.
TEST(ShareProgram, ReadsPacketsThatEndAnywhereAsWireDoes) {
  std::vector<Frame> frames;
  for (const Row& row : all_rows())
    for (size_t cut = 1; cut + 14 < row.frame.size(); ++cut) {
      Frame one = row.frame;
      const bool v4 = load_be16(one.data() + 12) == wire::kEtherIpv4;
      std::byte* length = one.data() + (v4 ? 16 : 18);
      store_be16(length, uint16_t(load_be16(length) - std::min<size_t>(cut, load_be16(length))));
      frames.push_back(std::move(one));
    }
  expect_as_wire(frames);
}

TEST(ShareProgram, ReadsBentFramesAsWireDoes) {
  std::mt19937 chance(20261129);
  const std::vector<Row> rows = all_rows();
  std::vector<Frame> frames;
  for (int i = 0; i < 60'000; ++i) {
    Frame one = rows[chance() % rows.size()].frame;
    for (uint32_t bends = 1 + chance() % 3; bends > 0; --bends)  // headers only: what is behind them is nobody's
      one[12 + chance() % std::min<size_t>(one.size() - 12, 80)] = std::byte(chance() % 2 ? chance() : chance() % 64);
    frames.push_back(std::move(one));
  }
  expect_as_wire(frames);
}

TEST(ShareProgram, TakesNothingUntilItKnowsItsLinkAddress) {
  LoadedProgram program;
  ASSERT_TRUE(program.filter.add(shared().share));
  EXPECT_EQ(program.verdict(to_port(tcp("203.0.113.1:80"), {})), XDP_PASS);
  EXPECT_EQ(program.verdict(to_port(tcp("203.0.113.1:80"), {0, 0, 0x5e, 0, 1, 7})), XDP_PASS);
}

TEST(ShareProgram, GivesWhatItTakesToTheSocketAndDropsItWhenThatIsGone) {
  LoadedProgram program;
  ASSERT_TRUE(program.filter.set_link_address(kMac));
  ASSERT_TRUE(program.filter.add(shared().share));
  EXPECT_EQ(program.verdict(tcp("203.0.113.1:80")), XDP_DROP);
  EXPECT_EQ(program.filter.counts().value()[k_unattended], 1u);
  program.attend();
  EXPECT_EQ(program.verdict(tcp("203.0.113.1:80")), XDP_REDIRECT);
  EXPECT_EQ(program.verdict(tcp("203.0.113.1:81")), XDP_PASS);
  EXPECT_EQ(program.filter.counts().value()[k_unattended], 1u);
  EXPECT_EQ(program.filter.counts().value()[k_service], 2u);
}

}  // namespace
}  // namespace cardea::dataplane::xdp::test
