#include "l7/tls/client_hello.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/unit/l7/tls/hello_oracle.h"

namespace cardea::l7::tls {
namespace {

using namespace test;

HelloState state_of(const std::string& bytes) {
  HelloScan scan;
  return scan_hello(bytes, scan);
}

// What it says, and that the oracle reads the same; empty: it is malformed.
std::optional<Plain> read(const std::string& bytes) {
  EXPECT_EQ(state_of(bytes), HelloState::kDone);
  std::array<char, kHelloMax> room;
  ClientHello found;
  const bool good = read_hello(bytes, room, found);
  const auto plain = read_plainly(bytes);
  EXPECT_EQ(good, plain.has_value());
  if (!good) return {};
  EXPECT_EQ(found.server_name, plain->name);
  EXPECT_EQ(found.alpn, plain->alpn);
  return Plain{std::string(found.server_name), std::string(found.alpn)};
}

// As browsers send it: GREASE first and last, key shares of 1.2 KB, Encrypted ClientHello, padding.
const std::string kBrowser = hello(extension(0x2a2a, "") + extension(0xfe0d, std::string(186, 'e')) +
                                   named("outer.example") + extension(51, std::string(1263, 'k')) +
                                   offering({"\x4a\x4a", "h2", "http/1.1"}) + extension(21, std::string(200, '\0')) +
                                   extension(0x6a6a, std::string(1, '\0')));

TEST(ClientHello, NamesAndProtocolsAreFoundAmongWhateverElseIsThere) {
  const auto browser = read(record(kBrowser));
  ASSERT_TRUE(browser);
  EXPECT_EQ(browser->name, "outer.example");
  EXPECT_EQ(browser->alpn, std::string("\x02\x4a\x4a\x02h2\x08http/1.1", 15));
  EXPECT_EQ(read(record(hello(named("a.example"))))->alpn, "");
  EXPECT_EQ(read(record(hello(offering({"h2"}))))->name, "");
  EXPECT_EQ(read(record(hello("")))->name, "");
}

TEST(ClientHello, BytesBehindItAreNotLookedAt) {
  EXPECT_EQ(read(record(kBrowser) + "\x14\x03\x03\x00\x01\x01 early data")->name, "outer.example");
}

TEST(ClientHello, MayEndBehindItsCompressionMethods) {
  const std::string body = "\x03\x01" + std::string(32, 'r') + std::string(1, '\0') + with_length("\x13\x01", 2) +
                           with_length(std::string(1, '\0'), 1);
  EXPECT_EQ(read(record('\x01' + with_length(body, 3)))->name, "");
}

TEST(ClientHello, MayComeInRecordsOfAnySize) {
  for (size_t size = 1; size <= kBrowser.size(); size += size < 60 ? 1 : 97) {
    const std::string all = records(kBrowser, size);
    if (all.size() > kHelloMax) {
      EXPECT_EQ(state_of(all), HelloState::kTooLarge);
    } else {
      EXPECT_EQ(read(all)->name, "outer.example") << size;
    }
  }
}

// However it is cut into segments, each look goes on where the last one ended.
TEST(ClientHello, MayComeInSegmentsOfAnySize) {
  const std::string all = records(kBrowser, 100);
  for (const size_t step : {1u, 2u, 7u, 104u, 105u, 106u, 1000u}) {
    HelloScan scan;
    size_t size = 0;
    while (size < all.size()) {
      ASSERT_EQ(scan_hello(all.substr(0, size), scan), HelloState::kMore) << size;
      size = std::min(size + step, all.size());
    }
    EXPECT_EQ(scan_hello(all, scan), HelloState::kDone);
  }
}

TEST(ClientHello, WhatIsNoTlsIsKnownAtItsFirstBytes) {
  EXPECT_EQ(state_of("GET / HTTP/1.1\r\n"), HelloState::kNotTls);
  EXPECT_EQ(state_of("\x80\x2e\x01\x03\x01"), HelloState::kNotTls) << "SSL 2";
  EXPECT_EQ(state_of("\x16\x02"), HelloState::kNotTls);
  EXPECT_EQ(state_of("\x17\x03\x03"), HelloState::kNotTls);
  EXPECT_EQ(state_of("\x16"), HelloState::kMore);
  EXPECT_EQ(state_of(""), HelloState::kMore);
}

TEST(ClientHello, OtherMessagesAndRecordsAreNone) {
  std::string other = record(kBrowser);
  other[5] = '\x02';
  EXPECT_EQ(state_of(other.substr(0, 6)), HelloState::kBad) << "a ServerHello";
  EXPECT_EQ(state_of(std::string("\x16\x03\x01\x00\x00", 5)), HelloState::kBad) << "an empty record";
  EXPECT_EQ(state_of("\x16\x03\x01\x40\x01"), HelloState::kBad) << "more than a record can have";
  EXPECT_EQ(state_of(record(kBrowser.substr(0, 50)) + "\x17\x03\x03"), HelloState::kBad) << "data in the midst of it";
}

TEST(ClientHello, HasABound) {
  EXPECT_EQ(state_of("\x16\x03\x01\x3f\xfc"), HelloState::kTooLarge) << "of its record alone";
  EXPECT_EQ(state_of(record(std::string("\x01\x00\x40\x00", 4) + std::string(96, 'x'))), HelloState::kTooLarge)
      << "known by the message's length";
  const std::string most = hello(extension(21, std::string(kHelloMax - 5 - 4 - 34 - 33 - 8 - 2 - 2 - 4, '\0')));
  ASSERT_EQ(record(most).size(), kHelloMax);
  EXPECT_TRUE(read(record(most)));
}

TEST(ClientHello, MalformedOnesAreRefused) {
  EXPECT_FALSE(read(record(hello(named("a") + named("b"))))) << "two names";
  EXPECT_FALSE(read(record(hello(offering({"h2"}) + offering({"h2"})))));
  EXPECT_FALSE(read(record(hello(offering({})))));
  EXPECT_FALSE(read(record(hello(offering({"h2", ""})))));
  EXPECT_FALSE(read(record(hello(extension(16, std::string("\x00\x03\x05h2", 5))))));
  EXPECT_FALSE(read(record(hello(std::string("\x00\x00\x01", 3)))));
  EXPECT_FALSE(read(record(hello(std::string("\x00\x10\x00\x09h2", 6)))));
  EXPECT_FALSE(read(record(kBrowser + "more in the same record")));
  for (const size_t at : {4 + 34u, 4 + 34 + 33u, 4 + 34 + 33 + 1u, 4 + 34 + 33 + 8u, 4 + 34 + 33 + 8 + 2u}) {
    std::string changed = kBrowser;  // a length: of session, suites, methods, extensions
    changed[at] = char(changed[at] + 1);
    EXPECT_FALSE(read(record(changed))) << at;
  }
}

TEST(ClientHello, NamesThatAreNoHostsAreNone) {
  EXPECT_EQ(read(record(hello(extension(0, "")))).value().name, "");
  EXPECT_EQ(read(record(hello(named(std::string("a\0b", 3)))))->name, "");
  EXPECT_EQ(read(record(hello(named(std::string(256, 'n')))))->name, "");
  EXPECT_EQ(read(record(hello(named(std::string(255, 'n')))))->name.size(), 255u);
}

// Every single byte of a hello changed to others: what one reader takes the other takes, and says the same of it.
TEST(ClientHello, AgreesWithTheOracleOnChangedOnes) {
  const std::string good = record(hello(named("a.example") + offering({"h2"}) + extension(43, "\x02\x03\x04")));
  for (size_t at = 9; at < good.size(); ++at) {
    for (const int by : {1, 2, 127, 255}) {
      std::string changed = good;
      changed[at] = char(changed[at] + by);
      if (state_of(changed) == HelloState::kDone) read(changed);
    }
  }
}

}  // namespace
}  // namespace cardea::l7::tls
