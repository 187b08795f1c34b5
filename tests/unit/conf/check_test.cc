#include "conf/check.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/conf/documents.h"

namespace cardea::conf {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Case {
  const char *from, *to, *said;
};

TEST(Check, EachContradictionIsReported) {
  const Case cases[] = {
      {"[2, 3]", "[2, 2]", "error: dataplane.workers[1]: CPU 2 is already used in t.cfg:4"},
      {"\"192.0.2.1\"", "\"192.0.3.1\"",
       "error: dataplane.ports[0].gateway: 192.0.3.1 is in none of the port's networks"},
      {"\"192.0.2.1\"", "[\"192.0.2.1\", \"192.0.2.3\"]", "there are two IPv4 gateways"},
      {"\"192.0.2.2/24\"", "\"192.0.2.0/24\"", "stands for the whole network"},
      {"\"192.0.2.2/24\"", "\"224.0.0.5/24\"", "a multicast address"},
      {"\"wan\"", "\"lo\"", "cannot name a network interface"},
      {"0000:3b:00.0", "eth0",
       "error: dataplane.ports[0].device: \"eth0\" is no device that DPDK knows; expected a PCI address such as "
       "\"0000:3b:00.0\", or a DPDK device such as \"net_af_packet,iface=eth1\"; did you mean "
       "\"net_af_packet,iface=eth0\"?"},
      {"0000:3b:00.0", "0000:zz", "\"0000:zz\" is no device that DPDK knows"},
      {"workers", "nat: { port_first = 2000; port_last = 1999; }; workers",
       "range of source ports 2000 to 1999 is empty"},
      {"workers", "nat: { port_last = 40000; }; workers",
       "warning: dataplane.nat.port_last: source ports 1024 to 40000 overlap"},
      {"workers", "nat: { port_last = 1024; }; workers", "1 source ports cannot be shared by 2 workers"},
      {"workers", "nat: { addresses = [\"10.9.9.9\"]; }; workers", "10.9.9.9 is in no port's network"},
      {"workers", "backends_max = 1; workers", "there are 2 backends, and room for 1"},
      {"10.0.0.12:8080", "10.0.0.11:8080", "backend 10.0.0.11:8080 is already used in t.cfg:9"},
      {"10.0.0.12:8080", "127.0.0.1:8080", "a loopback address"},
      {"10.0.0.12:8080", "203.0.113.10:80",
       "error: pools[0].backends[1].address: 203.0.113.10:80 is where service \"shop\" listens, and that sends to this "
       "pool"},
      {"name = \"web\"", "ring_size = 1000; name = \"web\"",
       "error: pools[0].ring_size: 1000 is not a prime number; expected "
       "a prime number; did you mean 1009?"},
      {"name = \"web\"", "ring_size = 1000000; name = \"web\"", "did you mean 1000003?"},
      {"weight = 3; }, { address = \"10.0.0.12:8080\"; }", "weight = 0; }", "have weight 0"},
      {"\"250ms\"", "\"3s\"",
       "warning: pools[0].health.timeout: the timeout of \"3s\" is longer than the interval of \"500ms\""},
      {"\"/health\"", "\"health\"", "does not begin with '/'"},
      {"\"/health\"", "\"/a b\"", "blank"},
      {"type = \"http\"", "type = \"tcp\"", "warning: pools[0].health.path: has no effect"},
      {"pool = \"web\"", "pool = \"wbe\"", "hint: pools[0]: no service uses pool \"web\""},
      {"203.0.113.10:80/tcp", "0.0.0.0:80/tcp", "not an address of a host"},
      {"203.0.113.10:80/tcp", "192.0.2.2:80/tcp",
       "warning: services[0].listen[0]: 192.0.2.2 is the own address of port"},
      {"203.0.113.10:80/tcp", "192.0.2.2:8080/tcp",
       "error: services[0].listen[0]: port 8080 of that address is among the source ports"},
      {"203.0.113.10:80/tcp", "[2001:db8:1::1]:80/tcp", "\"fullnat\" cannot turn IPv6 into IPv4"},
      {"203.0.113.10:80/tcp\"]", "203.0.113.10:80/tcp\"]; forward = \"ipip\"",
       "tunnelled packets keep the service's port 80"},
      {"203.0.113.10:80/tcp\"", "203.0.113.10:80/tcp\", \"203.0.113.10:80/tcp\"",
       "address 203.0.113.10:80/tcp is already used"},
      {"\"192.0.2.2/24\", \"2001:db8::2/64\"]; gateway = \"192.0.2.1\"", "\"2001:db8::2/64\"]",
       "no IPv4 source address"},
      {"0123456789abcdef0123456789abcdef", "guess", "warning: cluster.seed: a seed of 5 bytes"},
      {"seed = \"0123456789abcdef0123456789abcdef\";", "", "warning: cluster.seed: there is no seed"},
      {"services = (", "mgmt: { metrics = \"0.0.0.0:80\"; }; services = (",
       "is also where mgmt.metrics (0.0.0.0:80) is served"},
      {"services = (", "services = ( { name = \"shop\"; listen = \"203.0.113.9:80/tcp\"; pool = \"web\"; },",
       "error: services[1].name: service name \"shop\" is already used in t.cfg:12"},
      {"pools = (", "pools = ( { name = \"web\"; backends = ( { address = \"10.0.0.9:1\"; } ); },",
       "pool name \"web\" is already used"},
  };
  for (const Case& row : cases) EXPECT_THAT(said_about(with(kGood, row.from, row.to)), HasSubstr(row.said)) << row.to;
}

TEST(Check, ServicesNeedADataplane) {
  std::string text = kGood;
  text.erase(text.find("dataplane:"), text.find("pools =") - text.find("dataplane:"));
  EXPECT_THAT(said_about(text), HasSubstr("\"mode\" is missing, and a service without it is of mode \"l4\""));
  const std::string l4 = with(text, "name = \"shop\";", "name = \"shop\"; mode = \"l4\";");
  EXPECT_THAT(said_about(l4), HasSubstr("are forwarded by a dataplane, and there is none"));
}

TEST(Check, AnEmptyDocumentServesNothing) {
  for (const char* empty : {"", "# nothing\n", "cluster: { name = \"a\"; seed = \"0123456789abcdef\"; };"}) {
    EXPECT_FALSE(read_text(empty, "t.cfg").config) << "a reload would refuse it";
    EXPECT_THAT(said_about(empty), HasSubstr("there is neither a dataplane nor an l7 section"));
  }
}

// What follows from a mode that was not meant is no mistake of its own.
TEST(Check, AServiceWhoseModeIsMissingOrWrongIsToldThatAlone) {
  const std::string http = R"(
cluster: { name = "edge-1"; seed = "0123456789abcdef0123456789abcdef"; };
l7: { shards = [0]; };
pools = ( { name = "web"; balance = "least_conn"; retries = 1;
            backends = ( { address = "10.0.0.11:8080"; connections_max = 5; } ); } );
services = (
  { name = "shop"; mode = "http"; listen = ["203.0.113.10:80/tcp"]; header_max = "8kB";
    routes = ( { match: { path = "/a"; }; pool = "web"; } ); } );
)";
  ASSERT_TRUE(read_text(http, "t.cfg").config) << said_about(http);
  const auto only = [&](const std::string& mode) {
    const std::string said = said_about(with(http, "mode = \"http\";", mode));
    EXPECT_EQ(std::ranges::count(said, '\n'), 1) << said;
    return said;
  };
  EXPECT_THAT(only(""), HasSubstr("t.cfg:7: error: services[0]: \"mode\" is missing"));
  EXPECT_THAT(only("mode = \"HTTP\";"), HasSubstr("unknown word \"HTTP\"; expected one of \"l4\", \"tcp\", \"http\"; "
                                                  "did you mean \"http\"?"));
  EXPECT_THAT(only("mode = \"layer7\";"), HasSubstr("unknown word \"layer7\""));
  const std::string dataplane = with(kGood, "pool = \"web\"; }", "routes = ( { pool = \"web\"; } ); }");
  EXPECT_THAT(said_about(dataplane), HasSubstr("error: services[0]: \"mode\" is missing"));
}

// 0.2 s on a quiet machine; what is looked for takes minutes.
TEST(Check, TenThousandPoolsAndSixtyThousandRoutesAreCheckedEachOnce) {
  std::string text = "cluster: { name = \"e\"; seed = \"0123456789abcdef\"; };\nl7: { shards = [0]; };\npools = (";
  for (int i = 0; i < 10'000; ++i)
    text += fmt::format("{}{{ name = \"p{}\"; backends = ( {{ address = \"10.0.{}.{}:80\"; }} ); }}", i ? ",\n" : "", i,
                        i >> 8 & 255, i & 255 ? i & 255 : 1);
  text += ");\nservices = ( { name = \"s\"; mode = \"http\"; listen = [\"0.0.0.0:80/tcp\"]; routes = (";
  for (int i = 0; i < 60'000; ++i)
    text += fmt::format("{}{{ match: {{ path = \"/{}/\"; }}; pool = \"p{}\"; }}", i ? ",\n" : "", i, i % 10'000);
  text += "); } );\n";
  const ReadResult read = read_text(text, "t.cfg");
  ASSERT_TRUE(read.config) << findings_text(read.findings, read.source).substr(0, 2000);
  const Places places(read.source);
  const auto began = std::chrono::steady_clock::now();
  Findings findings;
  check(*read.config, places, findings);
  const auto took = std::chrono::steady_clock::now() - began;
  testing::Test::RecordProperty("milliseconds", int(took / std::chrono::milliseconds(1)));
  EXPECT_LT(took, std::chrono::seconds(20));
}

TEST(Check, SaysNothingAboutWhatCouldNotBeRead) {
  const std::string said = said_about(with(kGood, "name = \"web\"", "name = 5"));
  EXPECT_THAT(said, Not(HasSubstr("there is no pool")));
  EXPECT_THAT(said_about(with(kGood, "10.0.0.12:8080", "nonsense")), Not(HasSubstr("unspecified")));
}

}  // namespace
}  // namespace cardea::conf
