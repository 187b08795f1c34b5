#include "conf/check.h"

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
  EXPECT_THAT(said_about(text), HasSubstr("are forwarded by a dataplane, and there is none"));
}

TEST(Check, SaysNothingAboutWhatCouldNotBeRead) {
  const std::string said = said_about(with(kGood, "name = \"web\"", "name = 5"));
  EXPECT_THAT(said, Not(HasSubstr("there is no pool")));
  EXPECT_THAT(said_about(with(kGood, "10.0.0.12:8080", "nonsense")), Not(HasSubstr("unspecified")));
}

}  // namespace
}  // namespace cardea::conf
