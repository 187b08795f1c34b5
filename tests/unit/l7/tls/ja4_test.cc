// Fingerprints of hellos: the specification's own, a browser's, and what is not in any browser's.
#include "l7/tls/ja4.h"

#include <gtest/gtest.h>

#include "tests/unit/l7/tls/hello_oracle.h"

namespace cardea::l7::tls {
namespace {

using namespace test;

std::string numbers(const std::vector<uint16_t>& values) {
  std::string list;
  for (const uint16_t value : values) list += number(value, 2);
  return list;
}

std::string message(const std::vector<uint16_t>& suites, const std::string& extensions, uint16_t version = 0x0303) {
  const std::string body = number(version, 2) + std::string(32, 'r') + with_length("", 1) + with_length(numbers(suites), 2) +
                           with_length(std::string(1, '\0'), 1) + with_length(extensions, 2);
  return '\x01' + with_length(body, 3);
}

std::string versions(const std::vector<uint16_t>& all) { return extension(43, with_length(numbers(all), 1)); }
std::string algorithms(const std::vector<uint16_t>& all) { return extension(13, with_length(numbers(all), 2)); }
std::string empty(const std::vector<uint16_t>& types) {
  std::string all;
  for (const uint16_t type : types) all += extension(type, "");
  return all;
}
std::string ja4(const std::string& hello) { return std::string(Ja4::of(hello).text()); }

const std::vector<uint16_t> kSuites = {0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
                                       0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
const std::vector<uint16_t> kAlgorithms = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};

TEST(Ja4, TheSpecificationsExample) {
  const std::string extensions = empty({0x2a2a, 0x0033}) + named("shop.example") + empty({0x0017, 0xff01, 0x000a, 0x000b}) +
                                 empty({0x0023}) + offering({"h2", "http/1.1"}) + empty({0x0005}) + algorithms(kAlgorithms) +
                                 empty({0x0012, 0x002d}) + versions({0x7a7a, 0x0304, 0x0303}) + empty({0x001b, 0x4469, 0x3a3a, 0x0015});
  EXPECT_EQ(ja4(message(kSuites, extensions)), "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST(Ja4, ABrowsersInWhateverOrderItSendsThem) {
  const std::string first = empty({0x002d, 0x0033}), second = offering({"h2"}) + empty({0xfe0d, 0x0017, 0x44cd}) + named("a.example");
  const std::string rest = empty({0x000b, 0x000a}) + versions({0x0303, 0x0304}) + empty({0xff01, 0x0023, 0x0012, 0x0005}) +
                           algorithms(kAlgorithms) + empty({0x001b});
  for (const std::string& extensions : {first + second + rest, rest + first + second, second + rest + first})
    EXPECT_EQ(ja4(message(kSuites, extensions)), "t13d1516h2_8daaf6152771_d8a2da3f94cd");
}

TEST(Ja4, WithoutAnythingThatCouldBeHashed) {
  EXPECT_EQ(ja4(message({0x0a0a}, empty({0x1a1a}))), "t12i000000_000000000000_000000000000");
  EXPECT_EQ(ja4(message({0x0a0a}, named("a.example"), 0x0301)), "t10d000100_000000000000_000000000000");
}

TEST(Ja4, VersionsAreTheHighestThatIsOffered) {
  const auto version_of = [](uint16_t legacy, const std::string& extensions) { return ja4(message({0x1301}, extensions, legacy)).substr(1, 2); };
  EXPECT_EQ(version_of(0x0303, ""), "12");
  EXPECT_EQ(version_of(0x0302, ""), "11");
  EXPECT_EQ(version_of(0x0300, ""), "s3");
  EXPECT_EQ(version_of(0x0002, ""), "s2");
  EXPECT_EQ(version_of(0x0305, ""), "00");
  EXPECT_EQ(version_of(0x0303, versions({0x0302, 0x0304, 0xfafa})), "13");
  EXPECT_EQ(version_of(0x0303, versions({0x0302})), "11");
}

TEST(Ja4, ProtocolsAreTheirEndsOrThoseOfTheirBytes) {
  const auto ends_of = [](const std::string& protocol) { return ja4(message({0x1301}, offering({protocol, "h2"}))).substr(8, 2); };
  EXPECT_EQ(ends_of("h2"), "h2");
  EXPECT_EQ(ends_of("http/1.1"), "h1");
  EXPECT_EQ(ends_of("x"), "xx");
  EXPECT_EQ(ends_of("\xab"), "ab");
  EXPECT_EQ(ends_of("\xab\xcd"), "ad");
  EXPECT_EQ(ends_of("\x30\xab"), "3b");
  EXPECT_EQ(ends_of("\x30\x31\xab\xcd"), "3d");
  EXPECT_EQ(ends_of("\x30\xab\xcd\x31"), "01");
}

TEST(Ja4, CountsStopAt99AndListsWhereNoClientGoes) {
  std::vector<uint16_t> many;
  for (uint16_t i = 0; i < 120; ++i) many.push_back(uint16_t(0x4000 + i));
  EXPECT_EQ(ja4(message(many, "")).substr(0, 10), "t12i990000");
  while (many.size() <= Ja4::kListMax) many.push_back(uint16_t(0x5000 + many.size()));
  EXPECT_EQ(ja4(message(many, empty({0x0005}))).substr(0, 24), "t12i990100_ffffffffffff_");
  std::string extensions;
  for (uint16_t i = 0; i < 2000; ++i) extensions += extension(uint16_t(0x6000 + i), "");
  EXPECT_EQ(ja4(message({0x1301}, extensions)).substr(24), "ffffffffffff") << "which cost no more than reading them";
}

TEST(Ja4, WhatIsCutOffHasNone) {
  const std::string whole = message(kSuites, named("a.example") + algorithms(kAlgorithms));
  ASSERT_TRUE(Ja4::of(whole).known());
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(Ja4::of(whole.substr(0, size)).known()) << size;
  EXPECT_FALSE(Ja4::of('\x02' + whole.substr(1)).known());
}

}  // namespace
}  // namespace cardea::l7::tls
