#include "base/control_socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#include "tests/unit/base/scratch_folder.h"

namespace cardea::control {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}
std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

size_t open_descriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

// The head of a message as it stands on the wire, to say what send() would never say.
struct RawHead {
  uint32_t magic = 0x434c5043;
  uint32_t verb = uint32_t(Verb::kAsk);
  uint64_t generation = 0;
  uint32_t body_size = 0, reserved = 0;
};

class ControlSocketTest : public testing::Test {
 protected:
  ControlSocketTest() {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) throw std::runtime_error("socketpair");
    near_ = FileDescriptor(pair[0]);
    far_ = FileDescriptor(pair[1]);
  }
  void send_raw(const void* data, size_t size, std::vector<int> descriptors = {}) const {
    iovec vector{const_cast<void*>(data), size};
    std::vector<char> control(CMSG_SPACE(descriptors.size() * sizeof(int)));
    msghdr message{};
    message.msg_iov = &vector, message.msg_iovlen = 1;
    if (!descriptors.empty()) {
      message.msg_control = control.data(), message.msg_controllen = control.size();
      cmsghdr* part = CMSG_FIRSTHDR(&message);
      part->cmsg_level = SOL_SOCKET, part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
      std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size() * sizeof(int));
    }
    ASSERT_EQ(::sendmsg(near_.get(), &message, MSG_NOSIGNAL), ssize_t(size));
  }
  std::string receive_error() const {
    const auto message = receive(far_.get(), 50ms);
    return message ? "nothing is wrong" : message.error().message;
  }

  FileDescriptor near_, far_;
  ScratchFolder scratch_;
};

TEST_F(ControlSocketTest, APlanArrivesWithItsGeneration) {
  Message plan{Verb::kAdopt, 42, "", seal("plan", bytes_of("flat bytes")).value()};
  ASSERT_TRUE(send(near_.get(), plan));
  const auto received = receive(far_.get(), 60s);
  ASSERT_TRUE(received) << received.error().message;
  EXPECT_EQ(received->verb, Verb::kAdopt);
  EXPECT_EQ(received->generation, 42u);
  ASSERT_TRUE(received->memfd);
  EXPECT_NE(::fcntl(received->memfd->get(), F_GETFD) & FD_CLOEXEC, 0);
  const auto mapping = SealedMapping::map(*received->memfd, 1 << 20);
  ASSERT_TRUE(mapping) << mapping.error().message;
  EXPECT_EQ(text_of(mapping->bytes()), "flat bytes");
}

TEST_F(ControlSocketTest, BodiesOfEverySizeArriveWhole) {
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{32767}, size_t{32768}, size_t{32769}, size_t{300'000}, kBodyMax}) {
    std::string body(size, '\0');
    for (size_t i = 0; i < size; ++i) body[i] = char(i * 7 + i / 251);
    std::thread sender([&] { EXPECT_TRUE(send(near_.get(), {Verb::kAnswer, 0, body, {}})); });
    const auto received = receive(far_.get(), 60s);
    sender.join();
    ASSERT_TRUE(received) << received.error().message;
    EXPECT_TRUE(received->body == body) << size;
    EXPECT_FALSE(received->memfd);
  }
}

TEST_F(ControlSocketTest, RequestsAndAnswersTakeTurns) {
  for (uint64_t i = 1; i < 100; ++i) {
    ASSERT_TRUE(send(near_.get(), {Verb::kAsk, 0, "{\"ask\":\"" + std::to_string(i) + "\"}", {}}));
    const auto question = receive(far_.get(), 60s);
    ASSERT_TRUE(question);
    ASSERT_TRUE(send(far_.get(), {Verb::kRefused, i, question->body, {}}));
    const auto answer = receive(near_.get(), 60s);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->generation, i);
    EXPECT_THAT(answer->body, HasSubstr("\"" + std::to_string(i) + "\""));
  }
}

TEST_F(ControlSocketTest, ATextLongerThanAMessageComesWholeAllTheSame) {
  for (const size_t size : {kBodyMax, kBodyMax + 1, 5 * kBodyMax}) {
    const std::string body(size, 'x');
    std::thread sender([&] { EXPECT_TRUE(send(near_.get(), {Verb::kAnswer, 7, body, {}})); });
    const auto received = receive(far_.get(), 60s);
    sender.join();
    ASSERT_TRUE(received) << size;
    EXPECT_EQ(received->body, body) << size;
    EXPECT_EQ(received->generation, 7u);
    EXPECT_FALSE(received->memfd);
  }
}

TEST_F(ControlSocketTest, OversizedBodiesAreRefusedOnBothSides) {
  const auto sent = send(near_.get(), {Verb::kAsk, 0, std::string(kTextMax + 1, 'x'), {}});
  ASSERT_FALSE(sent);
  EXPECT_THAT(sent.error().message, HasSubstr("at most 268435456"));
  const RawHead head{.body_size = kBodyMax + 1};
  send_raw(&head, sizeof head);
  EXPECT_THAT(receive_error(), HasSubstr("at most 1048576"));
}

TEST_F(ControlSocketTest, ARefusalCarriesItsCodeAndOneOfAnotherVersionIsStillARefusal) {
  ASSERT_TRUE(send(near_.get(), refusal(no_plan_yet().error(), 3)));
  const auto refused = receive(far_.get(), 60s);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->verb, Verb::kRefused);
  EXPECT_EQ(refused->code, Code::kNoPlan);
  EXPECT_EQ(refused->generation, 3u);
  for (const uint32_t code : {0u, 63u, uint32_t(Code::kClosed)}) {
    const RawHead head{.verb = uint32_t(Verb::kRefused), .reserved = code};
    send_raw(&head, sizeof head);
    EXPECT_EQ(receive(far_.get(), 60s)->code, Code::kOther) << code;
  }
}

TEST_F(ControlSocketTest, WhyNothingCameIsACode) {
  EXPECT_EQ(receive(far_.get(), 1ms).error().code, Code::kLate);
  near_ = {};
  EXPECT_EQ(receive(far_.get(), 60s).error().code, Code::kClosed);
}

TEST_F(ControlSocketTest, WhatIsNoMessageIsRefused) {
  const RawHead good{};
  send_raw(&good, sizeof good);
  EXPECT_EQ(receive_error(), "nothing is wrong");
  const RawHead magic{.magic = 1};
  send_raw(&magic, sizeof magic);
  EXPECT_THAT(receive_error(), HasSubstr("does not speak its protocol"));
  const RawHead verb{.verb = 5};
  send_raw(&verb, sizeof verb);
  EXPECT_THAT(receive_error(), HasSubstr("does not speak its protocol"));
  send_raw(&good, sizeof good - 1);
  EXPECT_THAT(receive_error(), HasSubstr("does not speak its protocol"));
  const std::string longer(sizeof good + 1, 'x');
  send_raw(longer.data(), longer.size());
  EXPECT_THAT(receive_error(), HasSubstr("too large"));
}

TEST_F(ControlSocketTest, DescriptorsNobodyAskedForAreRefusedAndClosed) {
  const RawHead head{.body_size = 3};
  const FileDescriptor memfd = seal("x", bytes_of("x")).value();
  const size_t before = open_descriptors();
  send_raw(&head, sizeof head, {memfd.get(), memfd.get()});
  EXPECT_THAT(receive_error(), HasSubstr("too many descriptors"));
  send_raw(&head, sizeof head, std::vector<int>(100, memfd.get()));
  EXPECT_THAT(receive_error(), HasSubstr("too many descriptors"));
  send_raw(&head, sizeof head);
  send_raw("abc", 3, {memfd.get()});
  EXPECT_THAT(receive_error(), HasSubstr("descriptor inside a body"));
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(ControlSocketTest, ABodyLongerThanItsHeadSaysIsRefused) {
  const RawHead head{.body_size = 3};
  send_raw(&head, sizeof head);
  send_raw("abcd", 4);
  EXPECT_THAT(receive_error(), HasSubstr("too large"));
}

TEST_F(ControlSocketTest, APeerThatClosesIsSaidToHaveClosed) {
  { const FileDescriptor gone = std::move(near_); }
  EXPECT_THAT(receive_error(), HasSubstr("closed"));
  const auto sent = send(far_.get(), {Verb::kAsk, 0, "{}", {}});
  ASSERT_FALSE(sent);
  EXPECT_THAT(sent.error().message, HasSubstr("closed"));
  EXPECT_EQ(sent.error().retry, Retry::kSafe);
}

TEST_F(ControlSocketTest, APeerThatClosesInTheMiddle) {
  const RawHead head{.body_size = 10};
  send_raw(&head, sizeof head);
  send_raw("12345", 5);
  { const FileDescriptor gone = std::move(near_); }
  const auto received = receive(far_.get(), 60s);
  ASSERT_FALSE(received);
  EXPECT_THAT(received.error().message, HasSubstr("middle of a message"));
  EXPECT_EQ(received.error().retry, Retry::kNever);
}

TEST_F(ControlSocketTest, SilenceEndsAtTheDeadline) {
  const auto start = std::chrono::steady_clock::now();
  const auto received = receive(far_.get(), 60ms);
  const auto waited = std::chrono::steady_clock::now() - start;
  ASSERT_FALSE(received);
  EXPECT_THAT(received.error().message, HasSubstr("in time"));
  EXPECT_GE(waited, 60ms);
  EXPECT_FALSE(receive(far_.get(), 0ms)) << "no waiting at all";
  const RawHead head{.body_size = 10};
  send_raw(&head, sizeof head);
  EXPECT_THAT(receive(far_.get(), 10ms).error().message, HasSubstr("middle of a message"));
}

TEST_F(ControlSocketTest, ListensConnectsAndAccepts) {
  const std::string path = scratch_.file("plan.sock");
  const auto listener = listen(path);
  ASSERT_TRUE(listener) << listener.error().message;
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0660u);
  const auto client = connect(path);
  ASSERT_TRUE(client) << client.error().message;
  const auto server = accept(listener->get());
  ASSERT_TRUE(server);
  ASSERT_TRUE(send(client->get(), {Verb::kAsk, 0, "{}", {}}));
  EXPECT_EQ(receive(server->get(), 1s)->body, "{}");
}

TEST_F(ControlSocketTest, ASocketLeftBehindIsTakenOverAndALiveOneIsNot) {
  const std::string path = scratch_.file("plan.sock");
  { ASSERT_TRUE(listen(path)); }
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_FALSE(connect(path));
  EXPECT_EQ(connect(path).error().retry, Retry::kSafe);
  const auto live = listen(path);
  ASSERT_TRUE(live) << live.error().message;
  EXPECT_THAT(listen(path).error().message, HasSubstr("another process listens"));
}

TEST_F(ControlSocketTest, PathsThatCannotBeSockets) {
  const std::string file = scratch_.file("file");
  std::ofstream(file) << "mine";
  EXPECT_THAT(listen(file).error().message, HasSubstr("not a socket"));
  EXPECT_TRUE(std::filesystem::exists(file));
  EXPECT_FALSE(listen(""));
  EXPECT_THAT(listen(scratch_.file(std::string(120, 'x'))).error().message, HasSubstr("1 to 107 bytes"));
  EXPECT_FALSE(connect(scratch_.file("nobody")));
}

TEST(SealedMemory, CannotBeChangedByAnybody) {
  const auto memfd = seal("plan", bytes_of("original"));
  ASSERT_TRUE(memfd);
  EXPECT_EQ(::pwrite(memfd->get(), "x", 1, 0), -1);
  EXPECT_EQ(::ftruncate(memfd->get(), 1), -1);
  EXPECT_EQ(::ftruncate(memfd->get(), 100), -1);
  EXPECT_EQ(::mmap(nullptr, 8, PROT_READ | PROT_WRITE, MAP_SHARED, memfd->get(), 0), MAP_FAILED);
}

TEST(SealedMemory, UnsealedIsRefused) {
  const FileDescriptor memfd(::memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(memfd.get(), 100), 0);
  EXPECT_THAT(SealedMapping::map(memfd, 1000).error().message, HasSubstr("not sealed"));
  ASSERT_EQ(::fcntl(memfd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW), 0);
  EXPECT_FALSE(SealedMapping::map(memfd, 1000)) << "could still shrink under the reader";
  ASSERT_EQ(::fcntl(memfd.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  EXPECT_TRUE(SealedMapping::map(memfd, 1000));
  const FileDescriptor file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(SealedMapping::map(file, 1 << 30));
  EXPECT_FALSE(SealedMapping::map(FileDescriptor(), 1000));
}

TEST(SealedMemory, SizeIsBounded) {
  const auto memfd = seal("plan", bytes_of("12345678"));
  EXPECT_TRUE(SealedMapping::map(*memfd, 8));
  EXPECT_THAT(SealedMapping::map(*memfd, 7).error().message, HasSubstr("8 bytes, expected 1 to 7"));
  EXPECT_FALSE(SealedMapping::map(*seal("empty", {}), 8));
}

TEST(SealedMemory, AMappingOutlivesItsDescriptorAndMoves) {
  auto first = SealedMapping::map(seal("a", bytes_of("first")).value(), 100).value();
  auto second = SealedMapping::map(seal("b", bytes_of("second")).value(), 100).value();
  first = std::move(second);
  EXPECT_EQ(text_of(first.bytes()), "second");
  const SealedMapping third(std::move(first));
  EXPECT_EQ(text_of(third.bytes()), "second");
}

}  // namespace
}  // namespace cardea::control
