#include "l7/door/source_address.h"

#include <gtest/gtest.h>

namespace cardea::l7::door {
namespace {

using namespace std::chrono_literals;

TEST(SourceAddress, WhatLeadsThroughLoopbackIsNoPort) {
  SourceAddress source;
  EXPECT_FALSE(source.towards(*IpAddress::parse("127.0.0.2"), Instant{1s}));
  EXPECT_TRUE(is_loopback(*IpAddress::parse("::1")));
  EXPECT_FALSE(is_loopback(*IpAddress::parse("192.0.2.1")));
}

TEST(SourceAddress, OnlyPortsCountWhereTheyAreKnown) {
  const IpAddress to = *IpAddress::parse("127.0.0.2"), from = *IpAddress::parse("127.0.0.1");
  SourceAddress source;
  source.set_ports({from});
  EXPECT_EQ(source.towards(to, Instant{1s}), from);
  source.set_ports({*IpAddress::parse("192.0.2.1")});
  EXPECT_FALSE(source.towards(to, Instant{2s})) << "what was kept by other ports is forgotten";
}

TEST(SourceAddress, ThisHostItselfIsNotBehindAPort) {
  const IpAddress here = *IpAddress::parse("127.0.0.1");
  SourceAddress source;
  source.set_ports({here});
  EXPECT_FALSE(source.towards(here, Instant{1s}));
}

}  // namespace
}  // namespace cardea::l7::door
