// What two cardea-l7 say to each other, over a real pair of sockets.
#include "l7/handover/messages.h"

#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <span>

#include "base/descriptor_message.h"

namespace cardea::l7::handover {
namespace {

using testing::HasSubstr;

FileDescriptor some_descriptor() {
  return FileDescriptor(::eventfd(0, EFD_CLOEXEC));
}

size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return size_t(std::distance(begin(all), end(all)));
}

// Its other end tells it from others, whatever its number.
FileDescriptor pipe_to(FileDescriptor& reader) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  reader = FileDescriptor(ends[0]);
  return FileDescriptor(ends[1]);
}

Offer offer_of(size_t sockets) {
  Offer offer{.plan_socket = some_descriptor(),
              .log = some_descriptor(),
              .service_manager = "NOTIFY_SOCKET=/run/x\n",
              .sockets = {}};
  for (size_t i = 0; i < sockets; ++i)
    offer.sockets.push_back(
        {{IpAddress::v4(0xcb007100 + uint32_t(i)), uint16_t(i + 1)}, uint32_t(i % 3), some_descriptor()});
  return offer;
}

TEST(HandOverMessages, AnOfferComesAsItWasMadeHoweverManySocketsItHas) {
  for (const size_t count : {0u, 1u, 250u, 251u, 700u}) {
    SCOPED_TRACE(count);
    const Ends ends = make_ends().value();
    const Offer made = offer_of(count);
    ASSERT_TRUE(send_offer(ends.predecessor.get(), made));
    const auto came = receive_offer(ends.successor.get());
    ASSERT_TRUE(came) << came.error().message;
    EXPECT_TRUE(came->plan_socket && came->log);
    EXPECT_EQ(came->service_manager, "NOTIFY_SOCKET=/run/x\n");
    ASSERT_EQ(came->sockets.size(), count);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(came->sockets[i].at, made.sockets[i].at);
      EXPECT_EQ(came->sockets[i].shard, made.sockets[i].shard);
    }
  }
}

TEST(HandOverMessages, ADescriptorIsTheSameAtTheOtherEnd) {
  const Ends ends = make_ends().value();
  FileDescriptor reader;
  Offer made = offer_of(0);
  made.sockets.push_back({{IpAddress{}, 80}, 1, pipe_to(reader)});
  ASSERT_TRUE(send_offer(ends.predecessor.get(), made));
  const Offer came = receive_offer(ends.successor.get()).value();
  made.sockets.clear();
  ASSERT_EQ(::write(came.sockets[0].socket.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(reader.get(), &byte, 1), 1);
}

TEST(HandOverMessages, WhatIsServedIsToldOfEachSocket) {
  const Ends ends = make_ends().value();
  ASSERT_TRUE(send_serving(ends.successor.get(), {.pid = 4711, .taken = {true, false, true}}));
  const auto came = receive_serving(ends.predecessor.get(), 3);
  ASSERT_TRUE(came);
  EXPECT_EQ(came->pid, 4711);
  EXPECT_EQ(came->taken, (std::vector<bool>{true, false, true}));
  ASSERT_TRUE(send_yours(ends.predecessor.get()));
  EXPECT_TRUE(receive_yours(ends.successor.get()));
}

TEST(HandOverMessages, AnAnswerToAnotherOfferIsNone) {
  const Ends ends = make_ends().value();
  ASSERT_TRUE(send_serving(ends.successor.get(), {.pid = 1, .taken = {true, false}}));
  EXPECT_THAT(receive_serving(ends.predecessor.get(), 3).error().message, HasSubstr("does not speak"));
}

TEST(HandOverMessages, WhoEndsInBetweenIsHeardOfAsGone) {
  Ends ends = make_ends().value();
  ends.successor.close();
  EXPECT_THAT(receive_serving(ends.predecessor.get(), 0).error().message, HasSubstr("has gone"));
  EXPECT_FALSE(send_yours(ends.predecessor.get()));
}

TEST(HandOverMessages, NonsenseIsRefusedAndItsDescriptorsAreClosed) {
  const Ends ends = make_ends().value();
  const size_t before = open_descriptors();
  ASSERT_TRUE(send_offer(ends.predecessor.get(), offer_of(5)));
  EXPECT_FALSE(receive_yours(ends.successor.get())) << "another kind";
  EXPECT_FALSE(receive_offer(ends.successor.get())) << "its second packet first";
  std::array<char, 40> text{};
  for (size_t size = 1; size <= text.size(); ++size) {
    ASSERT_EQ(::send(ends.predecessor.get(), text.data(), size, MSG_NOSIGNAL), ssize_t(size));
    EXPECT_THAT(receive_offer(ends.successor.get()).error().message, HasSubstr("does not speak"));
  }
  EXPECT_EQ(open_descriptors(), before);
}

// A later version's entries are longer, and what this one knows of them stands first.
TEST(HandOverMessages, FieldsThatALaterVersionAddsAreSkipped) {
  const Ends ends = make_ends().value();
  const std::array<uint32_t, 8> head{0x4f48434c, 2, 2, 32, 1, 1, 0, 0};
  const std::array<uint32_t, 8> entry{0, 0, 0xffff0000, 0x0100007f, 8080, 3, 99, 99};
  const std::array<uint32_t, 8> first{0x4f48434c, 2, 1, 0, 0, 1, 0, 0};
  const auto send_with = [&](const void* bytes, size_t size, size_t count) {
    const FileDescriptor one = some_descriptor();
    iovec part{const_cast<void*>(bytes), size};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part, message.msg_iovlen = 1;
    const std::array numbers{one.get(), one.get()};
    give_descriptors(message, control, std::span(numbers).first(count));
    EXPECT_EQ(::sendmsg(ends.predecessor.get(), &message, MSG_NOSIGNAL), ssize_t(size));
  };
  send_with(first.data(), sizeof first, 2);
  std::array<std::byte, sizeof head + sizeof entry> whole{};
  std::memcpy(whole.data(), head.data(), sizeof head);
  std::memcpy(whole.data() + sizeof head, entry.data(), sizeof entry);
  send_with(whole.data(), whole.size(), 1);
  const auto came = receive_offer(ends.successor.get());
  ASSERT_TRUE(came) << came.error().message;
  EXPECT_EQ(came->sockets.at(0).at.text(), "127.0.0.1:8080");
  EXPECT_EQ(came->sockets.at(0).shard, 3u);
}

}  // namespace
}  // namespace cardea::l7::handover
