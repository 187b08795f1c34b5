// Programs put on a real interface, by libbpf's call and by DPDK's driver. Run as root.
#include "dataplane/xdp/attachment.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <optional>

#include "dataplane/port/packet_pool.h"
#include "dataplane/port/port.h"
#include "tests/packets/site.h"
#include "tests/unit/dataplane/own_network.h"
#include "tests/unit/dataplane/xdp/loaded_program.h"

namespace cardea::dataplane::xdp {
namespace {

class AttachmentTest : public testing::Test {
 protected:
  uint32_t program_id() const {
    uint32_t id = 0;
    EXPECT_EQ(::bpf_xdp_query_id(eth9_, 0, &id), 0);
    return id;
  }
  int attach(const test::LoadedProgram& program) const {
    return ::bpf_xdp_attach(eth9_, program.fd(), XDP_FLAGS_UPDATE_IF_NOEXIST, nullptr);
  }

  dataplane::test::OwnNetwork network_;
  const int eth9_ = int(::if_nametoindex("eth9"));
  test::LoadedProgram one_, other_;
};

TEST_F(AttachmentTest, WithoutOneTheCallIsLibbpfs) {
  EXPECT_EQ(attach(one_), 0);
  const uint32_t id = program_id();
  EXPECT_NE(id, 0u);
  EXPECT_EQ(attach(other_), -EBUSY) << "there is one already";
  EXPECT_EQ(program_id(), id);
}

TEST_F(AttachmentTest, AProgramIsFilledFirstAndTakesTheOldOnesPlace) {
  ASSERT_EQ(attach(one_), 0);
  const uint32_t before = program_id();
  int filled = -1;
  Attachment attachment(eth9_, [&](int program) -> Result<> {
    filled = program;
    EXPECT_EQ(program_id(), before) << "the old one is still there";
    return {};
  });
  EXPECT_FALSE(attachment.outcome());
  EXPECT_EQ(attach(other_), 0);
  EXPECT_EQ(filled, other_.fd());
  EXPECT_TRUE(attachment.outcome());
  EXPECT_NE(program_id(), before);
  EXPECT_NE(program_id(), 0u);
}

TEST_F(AttachmentTest, WhatCannotBeFilledIsNotAttached) {
  Attachment attachment(eth9_, [](int) { return fail("there is no room"); });
  EXPECT_EQ(attach(one_), -ECANCELED);
  EXPECT_EQ(program_id(), 0u);
  ASSERT_FALSE(attachment.outcome());
  EXPECT_EQ(attachment.outcome().error().message, "there is no room");
}

TEST_F(AttachmentTest, OtherInterfacesAreNotItsConcern) {
  Attachment attachment(int(::if_nametoindex("wire9")), [](int) { return fail("not this one"); });
  EXPECT_EQ(attach(one_), 0);
  EXPECT_FALSE(attachment.outcome());
}

// The driver is a library that was loaded later, and has to find our function rather than libbpf's.
TEST_F(AttachmentTest, DpdksDriverAttachesThroughIt) {
  dataplane::test::start_eal();
  const FileDescriptor file = program_file().value();
  rte_mempool* pool =
      make_packet_pool({.name = "attachment", .buffers = 3 * kXdpDescriptors + 512, .room = 2176}).value();
  std::optional<Filter> filter;
  Attachment attachment(eth9_, [&](int program) -> Result<> {
    auto found = Filter::of_program(program);
    if (!found) return std::unexpected(found.error());
    filter.emplace(std::move(*found));
    return filter->set_link_address({2, 0, 0, 0, 0, 5});
  });
  const std::string device = fmt::format("net_af_xdp,iface=eth9,xdp_prog=/proc/self/fd/{}", file.get());
  auto port = open_port({.name = "shared", .device = device}, pool);
  ASSERT_TRUE(port) << port.error().message;
  EXPECT_TRUE(attachment.outcome());
  EXPECT_NE(program_id(), 0u);
  EXPECT_TRUE(filter && filter->counts());
  close_port(*port);
  EXPECT_EQ(program_id(), 0u);
}

}  // namespace
}  // namespace cardea::dataplane::xdp
