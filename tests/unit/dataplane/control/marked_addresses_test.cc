// What is taken off interfaces that are or were shared, whoever set it. Run as root.
#include "dataplane/control/marked_addresses.h"

#include <gtest/gtest.h>
#include <net/if.h>

#include <cstdlib>

#include "dataplane/control/interface_addresses.h"
#include "tests/unit/dataplane/own_network.h"

namespace cardea::dataplane {
namespace {

bool has(const char* address) {
  return std::system((std::string("ip -o address show dev eth9 | grep -qF ' ") + address + " '").c_str()) == 0;
}

class MarkedAddresses : public testing::Test {
 protected:
  MarkedAddresses() {
    const int index = int(::if_nametoindex("eth9"));
    InterfaceAddresses killed(Netlink::open(0).value(), {index}, {uint16_t{0}});
    EXPECT_TRUE(killed.apply({.addresses = {{0, Prefix::parse("203.0.113.1/32").value(), true}}, .gateways = {}}));
    EXPECT_TRUE(has("203.0.113.1/32"));
    port_.interface_index = index;
  }
  test::OwnNetwork network_;  // has 192.0.2.2/24, set by somebody else
  Port port_;
};

TEST_F(MarkedAddresses, GoFromAPortThatIsNotSharedAnyMoreAndNothingElseDoes) {
  const Port card{};  // stands on no interface
  const Port ports[] = {card, port_};
  ASSERT_TRUE(clear_former_shares(ports));
  EXPECT_FALSE(has("203.0.113.1/32"));
  EXPECT_TRUE(has("192.0.2.2/24"));
}

TEST_F(MarkedAddresses, OfASharedPortStayUntilItIsClosed) {
  port_.shared = true;
  ASSERT_TRUE(clear_former_shares({&port_, 1}));
  EXPECT_TRUE(has("203.0.113.1/32"));
  ASSERT_TRUE(clear_shares({&port_, 1}));
  EXPECT_FALSE(has("203.0.113.1/32"));
  EXPECT_TRUE(has("192.0.2.2/24"));
}

}  // namespace
}  // namespace cardea::dataplane
