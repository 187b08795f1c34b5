// Where addresses are, out of databases in MaxMind's format.
#include "l7/policy/geo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "tests/unit/l7/policy/geo_database.h"

namespace cardea::l7::policy::test {
namespace {

using testing::HasSubstr;

class GeoTest : public testing::Test {
 protected:
  ~GeoTest() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& bytes, const std::string& name = "a.mmdb") {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  static std::string country_of(const Geo& geo, const std::string& address) {
    return std::string(geo.country(*IpAddress::parse(address)));
  }
  static uint32_t as_of(const Geo& geo, const std::string& address) {
    return geo.as_number(*IpAddress::parse(address));
  }

  std::filesystem::path folder_ = [] {
    std::string name = std::filesystem::temp_directory_path() / "geo-XXXXXX";
    return std::filesystem::path(mkdtemp(name.data()));
  }();
};

const std::vector<Entry> kCountries = {{"192.0.2.0/24", country("DE")},
                                       {"198.51.100.0/25", country("AT")},
                                       {"198.51.100.128/25", country("CH")},
                                       {"203.0.113.7/32", country("ZZ")},
                                       {"2001:db8::/33", country("FR")},
                                       {"2001:db8:8000::1/128", country("AA")}};

class GeoOfEveryForm : public GeoTest, public testing::WithParamInterface<unsigned> {};

TEST_P(GeoOfEveryForm, KnowsCountriesToTheLastAddress) {
  const auto geo = Geo::read(file(database(kCountries, 6, GetParam())), "");
  ASSERT_TRUE(geo) << geo.error().message;
  EXPECT_TRUE(geo->knows_countries());
  EXPECT_FALSE(geo->knows_as_numbers());
  const std::pair<const char*, const char*> wanted[] = {
      {"0.0.0.0", ""},           {"192.0.1.255", ""},         {"192.0.2.0", "DE"},
      {"192.0.2.255", "DE"},     {"192.0.3.0", ""},           {"198.51.100.127", "AT"},
      {"198.51.100.128", "CH"},  {"198.51.101.0", ""},        {"203.0.113.6", ""},
      {"203.0.113.7", "ZZ"},     {"203.0.113.8", ""},         {"255.255.255.255", ""},
      {"::", ""},                {"2001:db7:ffff::", ""},     {"2001:db8::", "FR"},
      {"2001:db8:7fff::1", "FR"}, {"2001:db8:8000::", ""},    {"2001:db8:8000::1", "AA"},
      {"2001:db8:8000::2", ""},  {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""}};
  for (const auto& [address, code] : wanted) EXPECT_EQ(country_of(*geo, address), code) << address;
}
INSTANTIATE_TEST_SUITE_P(RecordsOf, GeoOfEveryForm, testing::Values(24, 28, 32));

TEST_F(GeoTest, KnowsAutonomousSystems) {
  const auto geo = Geo::read("", file(database({{"192.0.2.0/24", as_number(64500)},
                                                {"198.51.100.0/24", text("asn", "AS4200000000")},
                                                {"2001:db8::/32", as_number(4294967295)}})));
  ASSERT_TRUE(geo) << geo.error().message;
  EXPECT_EQ(as_of(*geo, "192.0.2.9"), 64500u);
  EXPECT_EQ(as_of(*geo, "198.51.100.9"), 4200000000u);
  EXPECT_EQ(as_of(*geo, "2001:db8::9"), 4294967295u);
  EXPECT_EQ(as_of(*geo, "203.0.113.9"), 0u);
  EXPECT_EQ(country_of(*geo, "192.0.2.9"), "");
}

TEST_F(GeoTest, ADatabaseOfIpv4Alone) {
  const auto geo = Geo::read(file(database({{"0.0.0.0/1", country("DE")}, {"128.0.0.0/1", country("AT")}}, 4)), "");
  ASSERT_TRUE(geo) << geo.error().message;
  EXPECT_EQ(country_of(*geo, "0.0.0.0"), "DE");
  EXPECT_EQ(country_of(*geo, "127.255.255.255"), "DE");
  EXPECT_EQ(country_of(*geo, "255.255.255.255"), "AT");
  EXPECT_EQ(country_of(*geo, "2001:db8::1"), "");
}

TEST_F(GeoTest, IpinfosFormOfCountries) {
  const auto geo = Geo::read(file(database({{"192.0.2.0/24", text("country_code", "DE")}})), "");
  ASSERT_TRUE(geo) << geo.error().message;
  EXPECT_EQ(country_of(*geo, "192.0.2.9"), "DE");
}

// As many as a database of the whole world has, against a plain search.
TEST_F(GeoTest, ManyNetworksAsASearchOneByOneFindsThem) {
  std::mt19937 random(7);
  std::vector<Entry> entries;
  for (uint32_t i = 0; i < 3000; ++i) {
    const uint32_t base = i * 1'400'000 & 0xffffff00;
    const std::string code{char('A' + random() % 26), char('A' + random() % 26)};
    entries.push_back({Prefix{IpAddress::v4(base), uint8_t(24 + random() % 9)}.text(), country(code)});
  }
  const auto geo = Geo::read(file(database(entries)), "");
  ASSERT_TRUE(geo) << geo.error().message;
  for (int i = 0; i < 20'000; ++i) {
    const size_t which = random() % entries.size();
    const IpAddress asked = IpAddress::v4((uint32_t(which) * 1'400'000 & 0xffffff00) + uint32_t(random() % 256));
    const bool within = Prefix::parse(entries[which].network)->contains(asked);  // no other one is of its /24
    EXPECT_EQ(geo->country(asked), within ? entries[which].data.substr(entries[which].data.size() - 2) : "") << asked.text();
  }
}

// A network may be wider than where IPv4 begins.
TEST_F(GeoTest, AllOfIpv4InOneRecord) {
  for (const char* all : {"::/96", "::/64", "::/1"}) {
    const auto geo = Geo::read(file(database({{all, country("DE")}})), "");
    ASSERT_TRUE(geo) << geo.error().message;
    for (const char* address : {"0.0.0.0", "192.0.2.9", "255.255.255.255"}) EXPECT_EQ(country_of(*geo, address), "DE") << all;
  }
}

TEST_F(GeoTest, WhoComesBy6to4OrTeredoIsWhereItsIpv4Is) {
  const auto geo = Geo::read(file(database(kCountries, 6, 24, {"2002::/16", "2001::/32"})), "");
  ASSERT_TRUE(geo) << geo.error().message;
  EXPECT_EQ(country_of(*geo, "2002:c000:209::1"), "DE");
  EXPECT_EQ(country_of(*geo, "2002:c000:309::1"), "");
  EXPECT_EQ(country_of(*geo, "2001:0:c633:6401:1:2:3:4"), "AT");
  EXPECT_EQ(country_of(*geo, "2001:db8::"), "FR");
  EXPECT_EQ(country_of(*geo, "192.0.2.9"), "DE");
}

TEST_F(GeoTest, DataThatHasNoEndIsRefused) {
  std::string deep = "\xe1\x41" "a";
  for (int i = 0; i < 400'000; ++i) deep += std::string("\x01\x04", 2);
  const auto nested = Geo::read(file(database({{"192.0.2.0/24", deep + "\x40"}})), "");
  ASSERT_FALSE(nested);
  EXPECT_THAT(nested.error().message, HasSubstr("a.mmdb: is damaged"));
  // Many records, each of which leads through the same long tail.
  std::string tail;
  for (int i = 0; i < 100'000; ++i) tail += "\x41x\x40";
  std::vector<Entry> entries;
  for (uint32_t i = 0; i < 500; ++i)
    entries.push_back({Prefix{IpAddress::v4(i << 8), 24}.text(), i == 499 ? std::string("\xff\xff\xff\xff", 4) + tail : std::string("\xff\xff\xff\xff", 4)});
  EXPECT_FALSE(Geo::read(file(database(entries)), ""));
}

// Each node twice: a small file that would be a large tree.
TEST_F(GeoTest, NodesThatAreSharedAreRefused) {
  std::string bytes = database({{"0.0.0.0/32", country("DE")}}, 4);
  for (size_t node = 0; node < 31; ++node) bytes.replace(6 * node, 3, bytes.substr(6 * node, 3)), bytes.replace(6 * node + 3, 3, bytes.substr(6 * node, 3));
  const auto geo = Geo::read(file(bytes), "");
  ASSERT_FALSE(geo);
  EXPECT_THAT(geo.error().message, HasSubstr("is damaged"));
}

TEST_F(GeoTest, ATreeLargerThanItsFileIsRefused) {
  std::string bytes = database(kCountries);
  const size_t at = bytes.find("node_count");
  ASSERT_NE(at, bytes.npos);
  bytes.replace(at + 11, 4, "\x7f\xff\xff\xff", 4);
  const auto geo = Geo::read(file(bytes), "");
  ASSERT_FALSE(geo);
  EXPECT_THAT(geo.error().message, HasSubstr("ends before its tree does"));
}

TEST_F(GeoTest, WhatIsNoDatabaseIsNamed) {
  const auto nothing = Geo::read(folder_ / "none.mmdb", "");
  ASSERT_FALSE(nothing);
  EXPECT_THAT(nothing.error().message, HasSubstr("none.mmdb"));
  const auto text_file = Geo::read(file("192.0.2.0/24 DE\n"), "");
  ASSERT_FALSE(text_file);
  EXPECT_THAT(text_file.error().message, HasSubstr("a.mmdb: is no database in MaxMind's format"));
}

TEST_F(GeoTest, ADatabaseOfAnotherKindIsRefused) {
  const std::string systems = file(database({{"192.0.2.0/24", as_number(64500)}}));
  const auto geo = Geo::read(systems, "");
  ASSERT_FALSE(geo);
  EXPECT_THAT(geo.error().message, HasSubstr("says nothing of any address"));
}

TEST_F(GeoTest, ADamagedDatabaseIsRefusedOrReadAndNeverMore) {
  const std::string whole = database(kCountries);
  for (size_t size = 0; size < whole.size(); size += 7) (void)Geo::read(file(whole.substr(0, size)), "");
  std::mt19937 random(3);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = whole;
    for (int k = 0; k < 4; ++k) bytes[random() % bytes.size()] = char(random());
    (void)Geo::read(file(bytes), "");
  }
}

// The file may be cut while it is in use.
TEST_F(GeoTest, StandsByItselfOnceItIsRead) {
  const std::string name = file(database(kCountries));
  const auto geo = Geo::read(name, "");
  std::filesystem::resize_file(name, 0);
  EXPECT_EQ(country_of(*geo, "192.0.2.9"), "DE");
}

TEST(CountryNumber, OfTwoCapitalLettersAlone) {
  EXPECT_EQ(country_number("AA"), 1u);
  EXPECT_EQ(country_number("ZZ"), 676u);
  for (const char* none : {"", "D", "de", "D1", "DEU", "[A", "A@"}) EXPECT_EQ(country_number(none), 0u) << none;
}

}  // namespace
}  // namespace cardea::l7::policy::test
