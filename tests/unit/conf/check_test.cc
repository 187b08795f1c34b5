#include "conf/check.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>

#include "tests/unit/conf/documents.h"

namespace cardea::conf {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

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
      {"\"0000:3b:00.0\"", "\"0000:3b:00.0\"; kernel = \"interface\"",
       "error: dataplane.ports[0].kernel: \"0000:3b:00.0\" cannot be shared with Linux: the dataplane drives the card "
       "itself, and Linux no longer sees it; expected \"tap\""},
      {"\"0000:3b:00.0\"", "\"net_af_packet,iface=eth1\"; kernel = \"interface\"",
       "cannot be shared with Linux: af_packet takes copies of all packets, and Linux would answer them too"},
      {"\"0000:3b:00.0\"", "\"net_af_xdp,iface=eth1,xdp_prog=x.o\"; kernel = \"interface\"",
       "`xdp_prog` names another"},
      {"workers", "nat: { port_first = 2000; port_last = 1999; }; workers",
       "range of source ports 2000 to 1999 is empty"},
      {"workers", "nat: { port_last = 40000; }; workers",
       "warning: dataplane.nat.port_last: source ports 1024 to 40000 overlap"},
      {"workers", "nat: { port_last = 1024; }; workers", "1 source ports cannot be shared by 2 workers"},
      {"workers", "nat: { addresses = [\"10.9.9.9\"]; }; workers", "10.9.9.9 is in no port's network"},
      {"workers", "floating = [\"192.0.2.0/28\"]; workers",
       "error: dataplane.floating[0]: 192.0.2.2 is port \"wan\"'s own address, which stays on this host"},
      {"workers", "floating = [\"198.18.0.1/32\"]; workers",
       "warning: dataplane.floating[0]: no service listens on 198.18.0.1/32"},
      {"workers", "floating = [\"203.0.113.10/24\"]; workers",
       "error: dataplane.floating[0]: 203.0.113.10/24 would be all of 203.0.113.0/24; expected 203.0.113.10/32 for that "
       "address alone, or 203.0.113.0/24"},
      {"workers", "floating = [\"2001:db8:1::10/65\"]; workers", "would be all of 2001:db8:1::/65; expected 2001:db8:1::10/128"},
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
      {"name = \"web\"", "ring_size = 361; name = \"web\"", "361 is not a prime number"},
      {"0000:3b:00.0", "abcdefghijklmno", "did you mean \"net_af_packet,iface=abcdefghijklmno\"?"},
      {"\"192.0.2.1\"", "\"192.0.3.1\"", "expected a router in the network of 192.0.2.2/24\n"},
      {"weight = 3; }, { address = \"10.0.0.12:8080\"; }", "weight = 0; }", "have weight 0"},
      {"\"250ms\"", "\"3s\"",
       "warning: pools[0].health.timeout: the timeout of \"3s\" is longer than the interval of \"500ms\""},
      {"\"/health\"", "\"health\"", "does not begin with '/'"},
      {"\"/health\"", "\"/a b\"", "blank"},
      {"port = 81", "host = \"https://shop.example/\"",
       "error: pools[0].health.host: \"https://shop.example/\" is a URL"},
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

// Source ports are taken on the addresses that are listed, and on the ports' own only where none is.
TEST(Check, AServiceAmongSourcePortsIsAnErrorOnTheAddressesThatHaveThem) {
  const std::string on_own = with(kGood, "203.0.113.10:80/tcp", "192.0.2.2:8080/tcp");
  const char* const clash = "is among the source ports";
  EXPECT_THAT(said_about(on_own), HasSubstr(clash));
  const std::string other = with(on_own, "workers", "nat: { addresses = [\"192.0.2.9\"]; }; workers");
  EXPECT_THAT(said_about(other), Not(HasSubstr(clash)));
  const std::string listed = with(on_own, "workers", "nat: { addresses = [\"192.0.2.9\", \"192.0.2.2\"]; }; workers");
  EXPECT_THAT(said_about(listed), HasSubstr(clash));
  for (const auto& [port, clashes] :
       {std::pair(1999, false), std::pair(2000, true), std::pair(30000, true), std::pair(30001, false)}) {
    const std::string bounds = with(with(kGood, "203.0.113.10:80/tcp", fmt::format("192.0.2.2:{}/tcp", port)),
                                    "workers", "nat: { port_first = 2000; port_last = 30000; }; workers");
    EXPECT_EQ(said_about(bounds).contains(clash), clashes) << port;
  }
}

TEST(Check, WhatFloatsIsAnAddressOrANetwork) {
  for (const char* floats : {"203.0.113.10/32", "203.0.113.0/24", "203.0.113.8/29"})
    EXPECT_EQ(said_about(with(kGood, "workers", fmt::format("floating = [\"{}\"]; workers", floats))), "") << floats;
}

TEST(Check, APortThatLinuxDrivesCanBeShared) {
  EXPECT_EQ(said_about(with(kGood, "\"0000:3b:00.0\"", "\"net_af_xdp,iface=eth1\"; kernel = \"interface\"")), "");
}

// Both sides of each limit: what is just beyond it is told, what just keeps it is not.
TEST(Check, LimitsHaveTwoSides) {
  struct Side {
    const char *from, *to, *words;
    bool said;
  };
  const Side sides[] = {
      {"\"192.0.2.2/24\"", "\"192.0.2.255/24\"", "stands for the whole network", true},
      {"\"192.0.2.2/24\"", "\"192.0.2.254/24\"", "stands for the whole network", false},
      {"\"192.0.2.2/24\", \"2001:db8::2/64\"]; gateway = \"192.0.2.1\"", "\"192.0.2.3/30\"]", "stands for the whole",
       true},
      {"\"192.0.2.2/24\", \"2001:db8::2/64\"]; gateway = \"192.0.2.1\"", "\"192.0.2.3/31\"]", "stands for the whole",
       false},
      {"\"192.0.2.2/24\", \"2001:db8::2/64\"]; gateway = \"192.0.2.1\"", "\"192.0.2.3/32\"]", "stands for the whole",
       false},
      {"gateway = \"192.0.2.1\"", "gateway = \"192.0.2.2\"", "192.0.2.2 is the port's own address", true},
      {"\"192.0.2.1\"", "[\"192.0.2.1\", \"2001:db8::1\"]", "gateways", false},
      {"workers", "nat: { port_last = 32767; }; workers", "overlap", false},
      {"workers", "nat: { port_last = 32768; }; workers", "overlap", true},
      {"workers", "nat: { port_first = 60999; port_last = 65535; }; workers", "overlap", true},
      {"workers", "nat: { port_first = 61000; port_last = 65535; }; workers", "overlap", false},
      {"workers", "nat: { port_first = 2000; port_last = 2000; }; workers", "is empty", false},
      {"workers", "nat: { port_first = 2000; port_last = 3998; }; workers", "each worker has only 999 source ports",
       true},
      {"workers", "nat: { port_first = 2000; port_last = 3999; }; workers", "each worker has only", false},
      {"workers", "nat: { port_first = 2000; port_last = 2001; }; workers", "cannot be shared", false},
      {"workers", "nat: { addresses = [\"192.0.2.9\", \"192.0.2.9\"]; }; workers", "192.0.2.9 is already used", true},
      {"workers", "nat: { addresses = [\"192.0.2.9\", \"192.0.2.8\"]; }; workers", "is already used", false},
      {"workers", "nat: { addresses = [\"192.0.2.9\"]; }; workers", "is in no port's network", false},
      {"workers", "backends_max = 2; workers", "and room for", false},
      {"workers", "services_max = 1; workers", "and room for", false},
      {"10.0.0.12:8080", "223.255.255.255:80", "a multicast address", false},
      {"10.0.0.12:8080", "224.0.0.1:80", "a multicast address", true},
      {"10.0.0.12:8080", "239.0.0.1:80", "a multicast address", true},
      {"10.0.0.12:8080", "240.0.0.1:80", "a reserved address", true},
      {"10.0.0.12:8080", "[fe80::1]:80", "a link-local address", true},
      {"10.0.0.12:8080", "[febf::1]:80", "a link-local address", true},
      {"10.0.0.12:8080", "[fec0::1]:80", "a link-local address", false},
      {"0123456789abcdef0123456789abcdef", "0123456789abcde", "a seed of 15 bytes", true},
      {"0123456789abcdef0123456789abcdef", "0123456789abcdef", "a seed of", false},
      {"\"250ms\"", "\"500ms\"", "longer than the interval", false},
      {"\"250ms\"", "\"501ms\"", "longer than the interval", true},
      {"0000:3b:00.0", "abcdefghijklmnop", "did you mean", false},
      {"name = \"web\"", "ring_size = 307; name = \"web\"", "shares will be off", false},
      {"203.0.113.10:80/tcp\"]; pool", "203.0.113.10:53/udp\"]; pool", "are checked by TCP on the same port", false},
      {"interval = \"500ms\"; timeout = \"250ms\"; port = 81;", "", "are checked by TCP on the same port", false},
      {"services = (", "mgmt: { metrics = \"0.0.0.0:81\"; }; services = (", "is also where mgmt.metrics", false},
      {"services = (", "mgmt: { metrics = \"203.0.113.10:80\"; }; services = (", "is also where mgmt.metrics", true},
      {"services = (", "mgmt: { metrics = \"203.0.113.11:80\"; }; services = (", "is also where mgmt.metrics", false},
  };
  for (const Side& side : sides)
    EXPECT_EQ(said_about(with(kGood, side.from, side.to)).contains(side.words), side.said)
        << side.to << " / " << side.words << "\n"
        << said_about(with(kGood, side.from, side.to));
}

TEST(Check, ARingHasAHundredEntriesForEachBackend) {
  const std::string three = with(kGood, "{ address = \"10.0.0.12:8080\"; }",
                                 "{ address = \"10.0.0.12:8080\"; }, { address = \"10.0.0.13:8080\"; }");
  EXPECT_THAT(
      said_about(with(three, "name = \"web\"", "ring_size = 293; name = \"web\"")),
      HasSubstr("a ring of 293 entries is small for 3 backends: shares will be off by more than 1 %; expected 100 "
                "entries or more for each backend; did you mean 307?"));
  EXPECT_THAT(said_about(with(three, "name = \"web\"", "ring_size = 307; name = \"web\"")),
              Not(HasSubstr("shares will be off")));
}

const std::string kUnused = "pools = ( { name = \"x\"; backends = ( { address = \"10.0.0.9:1\"; } ); },";

TEST(Check, RoomForBackendsIsForThoseThatPacketsGoTo) {
  const std::string full = with(with(kGood, "workers", "backends_max = 2; workers"), "pools = (", kUnused);
  EXPECT_THAT(said_about(full), Not(HasSubstr("and room for")));
}

TEST(Check, APoolThatLostItsNameMayBeTheOneThatIsMissed) {
  const std::string nameless = with(with(kGood, "pools = (", kUnused), "name = \"web\"", "name = 5");
  EXPECT_THAT(said_about(nameless), Not(HasSubstr("there is no pool")));
}

// Tunnels leave from the ports' own addresses, whatever fullnat has.
TEST(Check, WhereASourceAddressComesFromDependsOnTheWayOfForwarding) {
  const char* const missing = "no IPv4 source address to reach the backend 10.0.0.11:8080";
  const auto said = [&](const char* port_addresses, const char* nat, const char* forward) {
    std::string text =
        with(kGood, "addresses = [\"192.0.2.2/24\", \"2001:db8::2/64\"]; gateway = \"192.0.2.1\"", port_addresses);
    text = with(text, "workers", fmt::format("nat: {{ addresses = [\"{}\"]; }}; workers", nat));
    return said_about(with(text, "pool = \"web\";", fmt::format("pool = \"web\"; forward = \"{}\";", forward)));
  };
  const char *const v6 = "addresses = [\"2001:db8::2/64\"]", *const in_linux = "addresses = []";
  EXPECT_THAT(said(v6, "192.0.2.9", "fullnat"), Not(HasSubstr(missing)));
  EXPECT_THAT(said(v6, "192.0.2.9", "ipip"), HasSubstr(missing));
  EXPECT_THAT(said(in_linux, "2001:db8::9", "ipip"), Not(HasSubstr(missing))) << "nobody knows what Linux has";
  EXPECT_THAT(said(in_linux, "2001:db8::9", "fullnat"), HasSubstr(missing));
}

// One pool for packets and for connections: what the other kind of service needs has its effect.
TEST(Check, SettingsOfL7AreIdleInAPoolThatOnlyPacketsGoTo) {
  const std::string packets = with(kGood, "name = \"web\";", "name = \"web\"; retries = 1;");
  const char* const idle = "pools[0].retries: has no effect on a pool that only l4 services use";
  EXPECT_THAT(said_about(packets), HasSubstr(idle));
  const std::string both = with(packets, "pool = \"web\"; }",
                                "pool = \"web\"; }, { name = \"site\"; mode = \"http\"; listen = "
                                "\"203.0.113.11:80/tcp\"; pool = \"web\"; }");
  EXPECT_THAT(said_about(both + "l7: { shards = [0]; };"), Not(HasSubstr(idle)));
}

TEST(Check, OneDeviceIsOnePort) {
  const std::string two = with(kGood, "gateway = \"192.0.2.1\"; }",
                               "gateway = \"192.0.2.1\"; }, { name = \"lan\"; device = \"0000:3b:00.0\"; "
                               "addresses = [\"10.0.0.2/24\"]; }");
  EXPECT_THAT(said_about(two), HasSubstr("dataplane.ports[1].device: device \"0000:3b:00.0\" is already used"));
  EXPECT_THAT(
      said_about(with(two, "name = \"lan\"; device = \"0000:3b:00.0\"", "name = \"lan\"; device = \"0000:3b:00.1\"")),
      Not(HasSubstr("is already used")));
}

// UDP on the metrics page's port disturbs nobody, and neither does a check that asks another port of an UDP server.
TEST(Check, UdpIsNotTcp) {
  const std::string udp = with(kGood, "203.0.113.10:80/tcp", "203.0.113.10:80/udp");
  EXPECT_THAT(said_about(with(udp, "services = (", "mgmt: { metrics = \"0.0.0.0:80\"; }; services = (")),
              Not(HasSubstr("is also where mgmt.metrics")));
  const char* const said = "are checked by TCP on the same port";
  EXPECT_THAT(said_about(udp), Not(HasSubstr(said))) << "health.port says that it is meant";
  const std::string same = with(udp, " port = 81;", "");
  EXPECT_THAT(said_about(same), AllOf(HasSubstr("warning: pools[0].health: "), HasSubstr(said)));
  EXPECT_THAT(said_about(with(same, "10.0.0.12:8080", "10.0.0.12:53")), HasSubstr(said)) << "not every DNS server does";
  EXPECT_THAT(said_about(with(same, "80/udp\"", "80/udp\", \"203.0.113.10:80/tcp\"")), Not(HasSubstr(said)));
}

TEST(Check, APoolOfUdpServersWithoutHealthIsCheckedByTcp) {
  const std::string udp = with(kGood, "203.0.113.10:80/tcp", "203.0.113.10:53/udp");
  const size_t health = udp.find("health:"), end = udp.find("};", health) + 2;
  EXPECT_THAT(said_about(std::string(udp).erase(health, end - health)),
              HasSubstr("warning: pools[0].health: backends of the UDP service \"shop\""));
  EXPECT_THAT(said_about(with(udp, "type = \"http\"", "type = \"udp\"")),
              HasSubstr("nothing is checked over UDP: servers of UDP are checked on a TCP port of theirs"));
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
  EXPECT_THAT(only(""),
              HasSubstr("t.cfg:7: error: services[0]: \"mode\" is missing, and a service without it is of mode "
                        "\"l4\", which has no routes; expected mode = \"http\"; or mode = \"tcp\";\n"));
  EXPECT_THAT(only("mode = \"HTTP\";"), HasSubstr("unknown word \"HTTP\"; expected one of \"l4\", \"tcp\", \"http\"; "
                                                  "did you mean \"http\"?"));
  EXPECT_THAT(only("mode = \"layer7\";"), HasSubstr("unknown word \"layer7\""));
  const std::string dataplane = with(kGood, "pool = \"web\"; }", "routes = ( { pool = \"web\"; } ); }");
  EXPECT_THAT(said_about(dataplane), HasSubstr("error: services[0]: \"mode\" is missing"));
  const std::string tls = "tls: { certificates = ( { cert = \"/c.pem\"; key = \"/k.pem\"; } ); }; pool = \"web\"; }";
  EXPECT_THAT(said_about(with(kGood, "pool = \"web\"; }", tls)),
              HasSubstr("mode \"l4\", which speaks no TLS; expected mode = \"http\"; or mode = \"tcp\";\n"));
  EXPECT_THAT(said_about(with(kGood, "pool = \"web\"; }", "mode = \"l4\"; " + tls)),
              HasSubstr("cannot be had with a service of mode \"l4\"; expected mode = \"http\" or \"tcp\""));
}

std::string pools_and_routes(int pools, int routes, const std::string& mode) {
  std::string text = "cluster: { name = \"e\"; seed = \"0123456789abcdef\"; };\nl7: { shards = [0]; };\npools = (";
  for (int i = 0; i < pools; ++i)
    text += fmt::format("{}{{ name = \"p{}\"; backends = ( {{ address = \"10.0.{}.{}:80\"; }} ); }}", i ? ",\n" : "", i,
                        i >> 8 & 255, i & 255 ? i & 255 : 1);
  text += ");\nservices = ( { name = \"s\"; mode = \"" + mode +
          "\"; listen = [\"0.0.0.0:80/tcp\"]; routes = (";
  const std::string match = mode == "http" ? "path = \"/{}/\"" : "host = \"h{}.example\"";
  for (int i = 0; i < routes; ++i)
    text += fmt::format("{}{{ match: {{ {}; }}; pool = \"p{}\"; }}", i ? ",\n" : "",
                        fmt::format(fmt::runtime(match), i), i % pools);
  return text + "); } );\n";
}
double seconds_of_this_thread() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}
// The least of five times that checking took.
double seconds_to_check(int pools, int routes, const std::string& mode) {
  const ReadResult read = read_text(pools_and_routes(pools, routes, mode), "t.cfg");
  EXPECT_TRUE(read.config) << findings_text(read.findings, read.source).substr(0, 2000);
  Places places(read.source);
  for (const char* written : {"services[0].mode", "services[0].routes"}) places.put(written, 1);
  double least = 1e9;
  for (int i = 0; i < 5 && read.config; ++i) {
    const double began = seconds_of_this_thread();
    Findings findings;
    check(*read.config, places, findings);
    least = std::min(least, seconds_of_this_thread() - began);
    EXPECT_TRUE(findings.empty()) << findings_text(findings, read.source).substr(0, 500);
  }
  return least;
}

// Four times as much of each takes four times as long, and a little; looking through all of one for each of the other
// would take sixteen times.
TEST(Check, TenThousandPoolsAndSixtyThousandRoutesAreCheckedEachOnce) {
  for (const std::string mode : {"http", "tcp"}) {
    const double quarter = seconds_to_check(2'500, 15'000, mode), whole = seconds_to_check(10'000, 60'000, mode);
    testing::Test::RecordProperty(mode + " quarter", std::to_string(quarter));
    testing::Test::RecordProperty(mode + " whole", std::to_string(whole));
    EXPECT_LT(whole, 10 * quarter) << quarter << " s, then " << whole << " of mode " << mode;
  }
}

TEST(Check, SaysNothingAboutWhatCouldNotBeRead) {
  EXPECT_THAT(said_about(with(kGood, "pool = \"web\"", "pool = 7")), Not(HasSubstr("no service uses pool")));
  EXPECT_THAT(said_about(with(kGood, "[2, 3]", "[2, \"x\"]")), Not(HasSubstr("cannot be shared")));
  const std::string said = said_about(with(kGood, "name = \"web\"", "name = 5"));
  EXPECT_THAT(said, Not(HasSubstr("there is no pool")));
  EXPECT_THAT(said_about(with(kGood, "10.0.0.12:8080", "nonsense")), Not(HasSubstr("unspecified")));
}

}  // namespace
}  // namespace cardea::conf
