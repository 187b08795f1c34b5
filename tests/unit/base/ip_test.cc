#include "base/ip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unordered_set>

namespace cardea {
namespace {

struct Row {
  std::string_view in, out;
};

TEST(IpAddress, ParsesAndPrints) {
  for (const auto& [in, out] : {
           Row{"0.0.0.0", "0.0.0.0"},
           {"192.0.2.1", "192.0.2.1"},
           {"255.255.255.255", "255.255.255.255"},
           {"::", "::"},
           {"::1", "::1"},
           {"1::", "1::"},
           {"2001:DB8::1", "2001:db8::1"},
           {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},         // RFC 5952 4.2.1
           {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // 4.2.2: one group is not shortened
           {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // 4.2.3: the longest run
           {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // 4.2.3: the first of equals
           {"2001:0db8:0000:0000:0000:0000:0000:0aaa", "2001:db8::aaa"},
           {"0:0:1::", "0:0:1::"},
           {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
           {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
           {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
           {"::ffff:192.0.2.1", "192.0.2.1"},
           {"::ffff:c000:201", "192.0.2.1"},
           {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
       }) {
    const auto address = IpAddress::parse(in);
    ASSERT_TRUE(address) << in;
    EXPECT_EQ(address->text(), out) << in;
    EXPECT_EQ(IpAddress::parse(address->text()), *address) << in;
    EXPECT_EQ(address->is_v4(), out.find(':') == out.npos) << in;
  }
}

TEST(IpAddress, RefusesWhatIsNone) {
  for (const std::string_view bad : {"",
                                     " ",
                                     "1",
                                     "1.2.3",
                                     "1.2.3.4.5",
                                     "256.1.1.1",
                                     "1.2.3.04",
                                     "01.2.3.4",
                                     "1.2.3.-4",
                                     "1.2.3.4 ",
                                     " 1.2.3.4",
                                     "1.2.3.4/24",
                                     "0x1.2.3.4",
                                     ":",
                                     ":::",
                                     "1::2::3",
                                     "1:2:3:4:5:6:7",
                                     "1:2:3:4:5:6:7:8:9",
                                     "12345::",
                                     "g::",
                                     "[::1]",
                                     "fe80::1%eth0",
                                     "::1.2.3",
                                     "::ffff:256.0.0.1",
                                     "localhost",
                                     "1.2.3.4:80",
                                     "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd"}) {
    const auto address = IpAddress::parse(bad);
    ASSERT_FALSE(address) << bad;
    EXPECT_THAT(address.error().message, testing::HasSubstr("is not an IP address")) << bad;
    EXPECT_EQ(address.error().origin, Origin::kOperator);
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0.5", 10)));
}

TEST(IpAddress, BytesAndOrders) {
  const auto address = IpAddress::v4(0xc0000201);
  EXPECT_EQ(address.text(), "192.0.2.1");
  EXPECT_EQ(address.v4_host_order(), 0xc0000201);
  EXPECT_EQ(address.v4_data()[0], 192);
  EXPECT_EQ(IpAddress::v4_bytes(address.v4_data()), address);
  EXPECT_EQ(address.family(), Family::kIpv4);
  const auto v6 = *IpAddress::parse("2001:db8::7");
  EXPECT_EQ(IpAddress::v6_bytes(v6.bytes.data()), v6);
  EXPECT_EQ(v6.family(), Family::kIpv6);
  EXPECT_EQ(IpAddress{}.text(), "::");
  EXPECT_LT(IpAddress::v4(1), IpAddress::v4(256));
}

TEST(Prefix, ParsesPrintsAndContains) {
  const auto prefix = Prefix::parse("192.0.2.2/24");
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->text(), "192.0.2.2/24");
  EXPECT_TRUE(prefix->contains(IpAddress::v4(0xc00002ff)));
  EXPECT_FALSE(prefix->contains(IpAddress::v4(0xc0000300)));
  EXPECT_FALSE(prefix->contains(*IpAddress::parse("2001:db8::1")));
  EXPECT_EQ(Prefix::parse("::ffff:192.0.2.2/120"), *prefix);

  struct Case {
    std::string_view prefix, address;
    bool inside;
  };
  for (const auto& [text, address, inside] : {Case{"0.0.0.0/0", "255.1.2.3", true},
                                              {"10.0.0.0/9", "10.127.255.255", true},
                                              {"10.0.0.0/9", "10.128.0.0", false},
                                              {"10.1.2.3/32", "10.1.2.3", true},
                                              {"10.1.2.3/32", "10.1.2.2", false},
                                              {"10.1.2.2/31", "10.1.2.3", true},
                                              {"::/0", "2001:db8::1", true},
                                              {"::/0", "10.0.0.1", false},
                                              {"2001:db8::/33", "2001:db8:7fff::1", true},
                                              {"2001:db8::/33", "2001:db8:8000::1", false},
                                              {"2001:db8::1/128", "2001:db8::1", true},
                                              {"2001:db8::1/128", "2001:db8::3", false},
                                              {"fe80::/10", "febf::1", true},
                                              {"fe80::/10", "fec0::1", false}})
    EXPECT_EQ(Prefix::parse(text)->contains(*IpAddress::parse(address)), inside) << text << " " << address;
}

TEST(Prefix, RefusesWhatIsNone) {
  for (const std::string_view bad :
       {"", "/", "192.0.2.1", "192.0.2.1/", "/24", "192.0.2.1/33", "192.0.2.1/-1", "192.0.2.1/+1", "192.0.2.1/024",
        "192.0.2.1/24 ", "192.0.2.1/24/8", "2001:db8::/129", "2001:db8::/", "::ffff:192.0.2.1/24", "x/24",
        "192.0.2.1/4294967320"})
    EXPECT_FALSE(Prefix::parse(bad)) << bad;
  EXPECT_THAT(Prefix::parse("192.0.2.1/33").error().message, testing::HasSubstr("0..32"));
}

TEST(Endpoint, ParsesAndPrints) {
  EXPECT_EQ(Endpoint::parse("192.0.2.1:80")->text(), "192.0.2.1:80");
  EXPECT_EQ(Endpoint::parse("[2001:db8::1]:65535")->text(), "[2001:db8::1]:65535");
  EXPECT_EQ(Endpoint::parse("[::ffff:192.0.2.1]:443")->text(), "192.0.2.1:443");
  EXPECT_EQ(Endpoint::parse("192.0.2.1:80")->port, 80);
}

TEST(Endpoint, RefusesWhatIsNone) {
  for (const std::string_view bad :
       {"", ":", ":80", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:080", "192.0.2.1:-1",
        "192.0.2.1:8O", "2001:db8::1:80", "[2001:db8::1]", "[2001:db8::1]80", "[192.0.2.1]:80", "[]:80", "[:80", "]:80",
        "host:80", "192.0.2.1:80 "})
    EXPECT_FALSE(Endpoint::parse(bad)) << bad;
  EXPECT_THAT(Endpoint::parse("192.0.2.1:0").error().message, testing::HasSubstr("1..65535"));
}

TEST(Protocol, HasNames) {
  EXPECT_EQ(name(Protocol::kTcp), "tcp");
  EXPECT_EQ(name(Protocol::kUdp), "udp");
}

}  // namespace
}  // namespace cardea
