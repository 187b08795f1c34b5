#include "base/proxy_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace cardea {
namespace {

using std::string_literals::operator""s;
using testing::EndsWith;
using testing::StartsWith;
using State = ProxyReading::State;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

Endpoint at(const std::string& text) {
  return Endpoint::parse(text).value();
}

const ProxyHeader kFour{.source = at("192.0.2.7:51000"), .destination = at("203.0.113.10:443")};
const ProxyHeader kSix{.source = at("[2001:db8::7]:1"), .destination = at("[2001:db8::10]:65535")};

std::string written(ProxyVersion version, const ProxyHeader& header) {
  std::array<char, kProxyHeaderMax> room;
  return std::string(write_proxy_header(room, version, header));
}

// What a header is made of, the length by itself.
std::string binary(char command, char family, const std::string& rest) {
  return kSignature + command + family + char(rest.size() >> 8) + char(rest.size()) + rest;
}
std::string fact(char type, const std::string& value) {
  return std::string{type, char(value.size() >> 8), char(value.size())} + value;
}
const std::string kAddresses4 = "\xc0\0\x02\x07\xcb\0\x71\x0a\xc7\x38\x01\xbb"s;

ProxyHeader header_of(const std::string& bytes) {
  ProxyHeader header;
  const ProxyReading reading = read_proxy_header(bytes, header);
  EXPECT_EQ(reading.state, State::kDone) << word(reading.fault);
  EXPECT_EQ(reading.size, bytes.size());
  return header;
}

std::string_view fault_of(const std::string& bytes) {
  ProxyHeader header;
  const ProxyReading reading = read_proxy_header(bytes, header);
  return reading.state == State::kBad ? word(reading.fault) : reading.state == State::kDone ? "done" : "more";
}

TEST(WriteProxyHeader, Version1IsALine) {
  EXPECT_EQ(written(ProxyVersion::kV1, kFour), "PROXY TCP4 192.0.2.7 203.0.113.10 51000 443\r\n");
  EXPECT_EQ(written(ProxyVersion::kV1, kSix), "PROXY TCP6 2001:db8::7 2001:db8::10 1 65535\r\n");
  EXPECT_EQ(written(ProxyVersion::kV1, {.source = kSix.source, .destination = kFour.destination}),
            "PROXY TCP6 2001:db8::7 ::ffff:203.0.113.10 1 443\r\n");
  EXPECT_EQ(written(ProxyVersion::kV1, {.local = true}), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(written(ProxyVersion::kNone, kFour), "");
}

// The checksums were calculated by another program.
TEST(WriteProxyHeader, Version2IsBinaryAndEndsWithAChecksum) {
  EXPECT_EQ(written(ProxyVersion::kV2, {.local = true}), kSignature + "\x20\0\0\0"s);
  const std::string six = written(ProxyVersion::kV2, kSix);
  EXPECT_EQ(six.substr(0, 52), kSignature + "\x21\x21\0\x2b"s + "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"s +
                                   "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x10"s + "\0\x01\xff\xff"s);
  EXPECT_EQ(six.substr(52), "\x03\0\x04"s + "\xaf\xcf\xe2\xe1"s);
  ProxyHeader secure = kFour;
  secure.server_name = "a.example", secure.alpn = "h2";
  secure.tls_version = "TLSv1.3", secure.tls_cipher = "TLS_AES_128_GCM_SHA256";
  const std::string tls = "\x01\0\0\0\x01"s + fact(0x21, "TLSv1.3") + fact(0x23, "TLS_AES_128_GCM_SHA256");
  const std::string facts = fact(1, "h2") + fact(2, "a.example") + fact(0x20, tls) + fact(3, "\x35\x9f\xd1\x79"s);
  EXPECT_EQ(written(ProxyVersion::kV2, secure), binary(0x21, 0x11, kAddresses4 + facts));
}

TEST(WriteProxyHeader, LeavesOutNamesThatAreTooLong) {
  const std::string name(255, 'n'), longer(256, 'n');
  ProxyHeader header = kFour;
  header.server_name = header.alpn = header.tls_version = header.tls_cipher = name;
  EXPECT_EQ(written(ProxyVersion::kV2, header).size(), 16u + 12 + 2 * (3 + 255) + 3 + 5 + 7);
  header.server_name = longer;
  const std::string bytes = written(ProxyVersion::kV2, header);
  EXPECT_EQ(header_of(bytes).server_name, "");
  EXPECT_EQ(header_of(bytes).alpn, name);
}

TEST(ReadProxyHeader, ReadsWhatIsWritten) {
  for (const ProxyVersion version : {ProxyVersion::kV1, ProxyVersion::kV2}) {
    for (const ProxyHeader& header : {kFour, kSix}) {
      const std::string bytes = written(version, header);
      const ProxyHeader read = header_of(bytes);
      EXPECT_EQ(read.source, header.source);
      EXPECT_EQ(read.destination, header.destination);
      EXPECT_FALSE(read.local);
    }
    const std::string local = written(version, {.local = true});
    EXPECT_TRUE(header_of(local).local);
  }
  ProxyHeader named = kFour;
  named.server_name = "a.example", named.alpn = "h2", named.tls_version = "TLSv1.2";
  const std::string bytes = written(ProxyVersion::kV2, named);
  EXPECT_EQ(header_of(bytes).server_name, "a.example");
  EXPECT_EQ(header_of(bytes).alpn, "h2");
}

// Whatever comes behind is somebody else's; whatever is missing is waited for, at each byte.
TEST(ReadProxyHeader, EndsWhereItEndsAndWaitsUntilThen) {
  for (const std::string& whole : {written(ProxyVersion::kV1, kFour), written(ProxyVersion::kV1, {.local = true}),
                                   written(ProxyVersion::kV2, kSix), written(ProxyVersion::kV2, {.local = true})}) {
    ProxyHeader header;
    for (size_t size = 0; size < whole.size(); ++size) {
      const ProxyReading part = read_proxy_header(whole.substr(0, size), header);
      ASSERT_EQ(part.state, State::kMore) << size;
      EXPECT_GT(part.size, size);
      EXPECT_LE(part.size, whole.size());
    }
    const ProxyReading reading = read_proxy_header(whole + "\x16\x03\x01 and so on", header);
    EXPECT_EQ(reading.state, State::kDone);
    EXPECT_EQ(reading.size, whole.size());
  }
}

TEST(ReadProxyHeader, TakesEveryLineThatTheProtocolHas) {
  EXPECT_TRUE(header_of("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n").local);
  EXPECT_TRUE(header_of("PROXY UNKNOWN whatever it says\r\n").local);
  const std::string ones = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  const std::string longest = "PROXY TCP6 " + ones + " " + ones + " 65535 65535\r\n";
  EXPECT_EQ(header_of(longest).source.address.text(), ones);
  EXPECT_EQ(header_of("PROXY TCP4 255.255.255.255 0.0.0.0 0 65535\r\n").source.port, 0);
  EXPECT_EQ(header_of("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n").source, at("192.0.2.7:1"));
}

TEST(ReadProxyHeader, RefusesOtherLines) {
  for (const char* line :
       {"PROXY\r\n", "PROXY \r\n", "PROXY TCP4\r\n", "PROXY TCP4 192.0.2.7 192.0.2.8 1\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.8 1 2 \r\n", "PROXY TCP4 192.0.2.7 192.0.2.8 1 2 3\r\n",
        "PROXY  TCP4 192.0.2.7 192.0.2.8 1 2\r\n", "PROXY TCP4 192.0.2.7  192.0.2.8 1 2\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.8 1 2\n", "PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.8 01 2\r\n", "PROXY TCP4 192.0.2.7 192.0.2.8 +1 2\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.8 -1 2\r\n", "PROXY TCP4 192.0.2.7 192.0.2.8 65536 2\r\n",
        "PROXY TCP4 192.0.2.7 192.0.2.8 1 000002\r\n", "PROXY TCP4 192.0.2.7 192.0.2.8 1 x\r\n",
        "PROXY TCP4 192.0.2.07 192.0.2.8 1 2\r\n", "PROXY TCP4 192.0.2 192.0.2.8 1 2\r\n",
        "PROXY TCP4 192.0.2.256 192.0.2.8 1 2\r\n", "PROXY TCP4 2001:db8::1 192.0.2.8 1 2\r\n",
        "PROXY TCP6 192.0.2.7 ::1 1 2\r\n", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", "PROXY TCP6 [::1] ::1 1 2\r\n",
        "PROXY tcp4 192.0.2.7 192.0.2.8 1 2\r\n", "PROXY UDP4 192.0.2.7 192.0.2.8 1 2\r\n",
        "PROXY UNKNOWNS\r\n", "PROXY TCP4 192.0.2.7\t192.0.2.8 1 2\r\n", "PROXY UNKNOWN \x01\r\n"})
    EXPECT_EQ(fault_of(std::string(line) + "GET / HTTP/1.1\r\n"),
              line == "PROXY\r\n"s ? "no_proxy_header" : "bad_proxy_line")
        << line;
  EXPECT_EQ(fault_of("PROXY UNKNOWN \0\r\n"s), "bad_proxy_line");
  EXPECT_EQ(fault_of("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n"), "done");
  EXPECT_EQ(fault_of("PROXY UNKNOWN " + std::string(92, 'x')), "more") << "106 bytes";
  EXPECT_EQ(fault_of("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"), "proxy_line_too_long");
  EXPECT_EQ(fault_of("PROXY UNKNOWN " + std::string(93, 'x')), "proxy_line_too_long") << "known at the 107th byte";
}

TEST(ReadProxyHeader, KnowsAtTheFirstByteThatItIsNone) {
  for (const std::string& bytes : {"G"s, "\x16"s, "PROXx"s, "proxy"s, "\r\n\r\n\r"s, "\0"s, " PROXY"s,
                                   kSignature.substr(0, 11) + "\r", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"s})
    EXPECT_EQ(fault_of(bytes), "no_proxy_header") << bytes;
}

TEST(ReadProxyHeader, RefusesOtherVersionsCommandsAndFamiliesBeforeTheRestIsThere) {
  EXPECT_EQ(fault_of(kSignature + "\x11"), "unknown_proxy_version");
  EXPECT_EQ(fault_of(kSignature + "\x31"), "unknown_proxy_version");
  EXPECT_EQ(fault_of(kSignature + "\x22"), "unknown_proxy_command");
  EXPECT_EQ(fault_of(kSignature + "\x21\x41"), "unknown_proxy_family");
  EXPECT_EQ(fault_of(kSignature + "\x21\x13"), "unknown_proxy_family");
}

TEST(ReadProxyHeader, SkipsWhatSpeaksForNobody) {
  EXPECT_TRUE(header_of(binary(0x20, 0x00, "")).local);
  EXPECT_TRUE(header_of(binary(0x20, 0x11, "any bytes")).local) << "LOCAL: the rest is to be skipped, whatever it is";
  EXPECT_TRUE(header_of(binary(0x21, 0x00, "")).local) << "AF_UNSPEC";
  EXPECT_TRUE(header_of(binary(0x21, 0x00, "any bytes")).local);
  EXPECT_TRUE(header_of(binary(0x21, 0x12, kAddresses4)).local) << "datagrams";
  EXPECT_TRUE(header_of(binary(0x21, 0x31, std::string(216, 'u'))).local) << "a Unix socket";
  EXPECT_TRUE(header_of(binary(0x21, 0x01, "")).local);
}

TEST(ReadProxyHeader, WantsItsAddressesWhole) {
  EXPECT_EQ(fault_of(binary(0x21, 0x11, kAddresses4.substr(0, 11))), "proxy_header_too_short");
  EXPECT_EQ(fault_of(binary(0x21, 0x21, std::string(35, 'x'))), "proxy_header_too_short");
  EXPECT_EQ(fault_of(binary(0x21, 0x31, std::string(215, 'x'))), "proxy_header_too_short");
  EXPECT_EQ(fault_of(binary(0x21, 0x11, "")), "proxy_header_too_short");
}

TEST(ReadProxyHeader, SkipsFactsItDoesNotKnow) {
  const std::string facts = fact(4, "padding") + fact(char(0xea), "vpce-1") + fact(5, "") + fact(2, "a.example");
  const std::string bytes = binary(0x21, 0x11, kAddresses4 + facts + fact(0x30, "netns"));
  EXPECT_EQ(header_of(bytes).server_name, "a.example");
  EXPECT_EQ(header_of(bytes).source, kFour.source);
  EXPECT_EQ(fault_of(binary(0x21, 0x11, kAddresses4 + fact(char(0xea), std::string(20000, 't')))), "done");
}

TEST(ReadProxyHeader, RefusesFactsThatReachBeyondTheEnd) {
  for (const std::string& facts :
       {"\x02"s, "\x02\0"s, "\x02\0\x01"s, "\x02\xff\xffname"s, fact(4, "pad") + "\x04\0\x01"s})
    EXPECT_EQ(fault_of(binary(0x21, 0x11, kAddresses4 + facts)), "bad_proxy_fact");
  EXPECT_EQ(fault_of(binary(0x21, 0x11, kAddresses4 + fact(2, std::string(256, 'n')))), "bad_proxy_fact");
}

TEST(ReadProxyHeader, RefusesAnyChangedByteUnderAChecksum) {
  ProxyHeader named = kFour;
  named.server_name = "a.example";
  const std::string good = written(ProxyVersion::kV2, named);
  for (size_t i = 16; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] ^= 1;
    const std::string_view fault = fault_of(changed);
    const bool is_type = i == 16 + 12 + 12;  // another fact in place of the checksum: none is claimed then
    EXPECT_EQ(fault == "done", is_type) << i << " " << fault;
  }
  EXPECT_EQ(fault_of(binary(0x21, 0x11, kAddresses4 + fact(3, "abc"))), "bad_proxy_checksum");
}

}  // namespace
}  // namespace cardea
