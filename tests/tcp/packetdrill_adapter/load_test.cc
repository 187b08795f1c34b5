// The adapter as packetdrill uses it: loaded by dlopen with the same flags, driven through its table alone.
#include <ctime>  // errqueue.h needs it before

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <thread>

#include "l7/tcp/segment.h"
#include "tests/tcp/packetdrill_adapter/interface.h"

namespace cardea::packetdrill {
namespace {

using l7::tcp::kAck;
using l7::tcp::kFin;
using l7::tcp::kPsh;
using l7::tcp::kRst;
using l7::tcp::kSyn;

class Adapter : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef CARDEA_SANITIZED
    const int deep = 0;  // a sanitizer refuses it: its allocator has to be everybody's
#else
    const int deep = RTLD_DEEPBIND;
#endif
    library_ = dlopen(CARDEA_ADAPTER, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | deep);
    ASSERT_TRUE(library_) << dlerror();
    const auto init =
        reinterpret_cast<decltype(&packetdrill_interface_init)>(dlsym(library_, "packetdrill_interface_init"));
    ASSERT_TRUE(init);
    init("192.168.1.1", &table_);
    m_ = table_.userdata;
  }
  void TearDown() override {
    table_.free(m_);
    dlclose(library_);
  }

  static sockaddr_in address(const char* ip, uint16_t port) {
    sockaddr_in a{.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, ip, &a.sin_addr);
    return a;
  }

  void arrives(uint8_t flags, uint32_t seq, uint32_t ack, const char* data = "", l7::tcp::Options options = {}) {
    const size_t size = strlen(data);
    l7::tcp::Outgoing s{.tuple = {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("192.168.1.1"), 40000, 8080},
                        .seq = seq,
                        .ack = ack,
                        .flags = flags,
                        .window = 65535,
                        .options = options};
    std::vector<std::byte> packet(headers_size(s) + size);
    memcpy(packet.data() + packet.size() - size, data, size);
    write_headers(s, packet);
    ASSERT_EQ(table_.netdev_send(m_, packet.data(), packet.size()), 0);
  }

  // The packet stays in packet_.
  l7::tcp::Segment left() {
    size_t size = packet_.size();
    EXPECT_EQ(table_.netdev_receive(m_, packet_.data(), &size, &left_at_), 0);
    const auto segment = l7::tcp::read_segment(Bytes(packet_).first(size));
    EXPECT_TRUE(segment.has_value());
    return segment ? *segment : l7::tcp::Segment{};
  }

  // A round trip is that many microseconds.
  int accepted(useconds_t round_trip = 0) {
    const int fd = listener_ = table_.socket(m_, AF_INET, SOCK_STREAM, 0);
    const sockaddr_in any = address("0.0.0.0", 8080);
    EXPECT_EQ(table_.bind(m_, fd, reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
    EXPECT_EQ(table_.listen(m_, fd, 1), 0);
    arrives(kSyn, 100, 0, "", {.mss = 1000, .window_scale = 7, .has_window_scale = true, .sack_permitted = true});
    iss_ = left().seq;
    table_.usleep(m_, round_trip);
    arrives(kAck, 101, iss_ + 1);
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const int connection = table_.accept(m_, fd, reinterpret_cast<sockaddr*>(&peer), &size);
    EXPECT_EQ(ntohs(peer.sin_port), 40000);
    EXPECT_EQ(size, sizeof peer);
    return connection;
  }

  void* library_ = nullptr;
  int listener_ = -1;
  PacketdrillInterface table_{};
  void* m_ = nullptr;
  uint32_t iss_ = 0;
  long long left_at_ = 0;
  std::vector<std::byte> packet_ = std::vector<std::byte>(65536);
};

TEST_F(Adapter, EveryCallIsThere) {
  const void* const* calls = reinterpret_cast<const void* const*>(&table_);
  for (size_t i = 0; i < sizeof table_ / sizeof(void*); i++) EXPECT_TRUE(calls[i]) << i;
}

TEST_F(Adapter, AcceptsReadsWritesAndCloses) {
  const int fd = accepted();
  ASSERT_GE(fd, 0);
  char buffer[100];
  table_.fcntl(m_, fd, F_SETFL, long{O_NONBLOCK});
  EXPECT_EQ(table_.read(m_, fd, buffer, sizeof buffer), -1);
  EXPECT_EQ(errno, EAGAIN);
  arrives(kAck | kPsh, 101, iss_ + 1, "hello");
  EXPECT_EQ(left().ack, 106u);
  EXPECT_EQ(table_.read(m_, fd, buffer, sizeof buffer), 5);
  EXPECT_EQ(std::string_view(buffer, 5), "hello");
  EXPECT_EQ(table_.write(m_, fd, "answer", 6), 6);
  EXPECT_EQ(left().payload.size(), 6u);
  arrives(kAck, 106, iss_ + 7);
  EXPECT_EQ(table_.close(m_, fd), 0);
  EXPECT_TRUE(left().has(kFin));
  arrives(kAck | kFin, 106, iss_ + 8);
  EXPECT_EQ(left().ack, 107u);
}

TEST_F(Adapter, ASocketOfIpv6HasAPeerOfIpv4Mapped) {
  const int fd = table_.socket(m_, AF_INET6, SOCK_STREAM, 0);
  const sockaddr_in6 any{.sin6_family = AF_INET6, .sin6_port = htons(8080)};
  EXPECT_EQ(table_.bind(m_, fd, reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
  EXPECT_EQ(table_.listen(m_, fd, 1), 0);
  arrives(kSyn, 100, 0);
  iss_ = left().seq;
  arrives(kAck, 101, iss_ + 1);
  sockaddr_in6 peer{};
  socklen_t size = sizeof peer;
  EXPECT_GE(table_.accept(m_, fd, reinterpret_cast<sockaddr*>(&peer), &size), 0);
  EXPECT_EQ(size, sizeof peer);
  EXPECT_EQ(peer.sin6_family, AF_INET6);
  EXPECT_TRUE(IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr));
}

// At most half of the window, as Linux hands it to a device that cuts.
TEST_F(Adapter, WhatLeavesAtOnceIsFewPackets) {
  const int fd = accepted();
  const std::string bytes(20'000, 'x');
  EXPECT_EQ(table_.write(m_, fd, bytes.data(), bytes.size()), 20'000);
  for (int half = 0; half < 2; half++) {
    const auto packet = left();
    EXPECT_EQ(packet.payload.size(), 5000u);
    EXPECT_TRUE(packet.has(kPsh));
  }
  arrives(kAck, 101, iss_ + 1001);
  EXPECT_EQ(left().payload.size(), 2000u);
}

// Ten segments left as five packets; of the second, the third and the fourth one segment each is lost.
TEST_F(Adapter, WhatIsSentAgainIsCutWhereItWasBefore) {
  const int fd = accepted(100'000);
  const std::string bytes(10'000, 'x');
  EXPECT_EQ(table_.write(m_, fd, bytes.data(), bytes.size()), 10'000);
  for (int i = 0; i < 5; i++) EXPECT_EQ(left().payload.size(), 2000u);
  table_.usleep(m_, 100'000);
  l7::tcp::Options sacks;
  sacks.sacks[0] = {iss_ + 4001, iss_ + 5001};
  sacks.sacks[1] = {iss_ + 7001, iss_ + 10'001};
  sacks.sack_count = 2;
  arrives(kAck, 101, iss_ + 1001, "", sacks);
  for (const size_t size : {1000u, 2000u, 1000u, 1000u}) {
    const auto packet = left();
    EXPECT_EQ(packet.payload.size(), size);
    EXPECT_EQ(packet.has(kPsh), size > 1000);
  }
}

TEST_F(Adapter, WhatMoreWillFollowWaits) {
  const int fd = accepted();
  EXPECT_EQ(table_.send(m_, fd, "GET ", 4, MSG_MORE), 4);
  EXPECT_EQ(table_.write(m_, fd, "/", 1), 1);
  EXPECT_EQ(left().payload.size(), 5u);
  arrives(kAck, 101, iss_ + 6);
  timeval now;
  table_.gettimeofday(m_, &now, nullptr);
  EXPECT_EQ(table_.send(m_, fd, "alone", 5, MSG_MORE), 5);
  EXPECT_EQ(left().payload.size(), 5u);
  EXPECT_NEAR(double(left_at_ - (now.tv_sec * 1'000'000ll + now.tv_usec)), 200'000, 4000);
}

// The time that its caller sees is that of what let it go, however fast the clock is moved on.
TEST_F(Adapter, ABlockedWriteEndsWhenAThirdOfTheBufferIsFree) {
  const int fd = accepted();
  const int half = 5000;
  EXPECT_EQ(table_.setsockopt(m_, fd, SOL_SOCKET, SO_SNDBUF, &half, sizeof half), 0);
  const std::string bytes(100'000, 'x');
  ssize_t count = 0;
  timeval began, ended{};
  table_.gettimeofday(m_, &began, nullptr);
  std::thread writer([&] {
    count = table_.write(m_, fd, bytes.data(), bytes.size());
    table_.gettimeofday(m_, &ended, nullptr);
  });
  for (int queued = 0; queued < 75'000; std::this_thread::yield())  // all that a buffer of the kernel's holds
    ASSERT_EQ(table_.ioctl(m_, fd, SIOCOUTQ, &queued), 0);
  for (uint32_t acknowledged : {10'000u, 30'000u, 70'000u, 100'000u}) {
    table_.usleep(m_, 10'000);
    arrives(kAck, 101, iss_ + 1 + acknowledged);
  }
  table_.usleep(m_, 1'000'000);
  writer.join();
  EXPECT_EQ(count, 100'000);
  EXPECT_NEAR(double((ended.tv_sec - began.tv_sec) * 1'000'000 + ended.tv_usec - began.tv_usec), 30'000, 100);
}

TEST_F(Adapter, TellsHowMuchIsLeftToRead) {
  const int fd = accepted();
  const int on = 1;
  EXPECT_EQ(table_.setsockopt(m_, fd, IPPROTO_TCP, TCP_INQ, &on, sizeof on), 0);
  arrives(kAck | kPsh | kFin, 101, iss_ + 1, "hello");
  char buffer[3];
  iovec piece{buffer, sizeof buffer};
  alignas(cmsghdr) char control[64];
  msghdr message{.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  EXPECT_EQ(table_.recvmsg(m_, fd, &message, 0), 3);
  ASSERT_TRUE(CMSG_FIRSTHDR(&message));
  int left = 0;
  memcpy(&left, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof left);
  EXPECT_EQ(left, 2);
}

TEST_F(Adapter, TellsWhichZeroCopyWritesAreOver) {
  const int fd = accepted();
  const int on = 1;
  EXPECT_EQ(table_.setsockopt(m_, fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on), 0);
  EXPECT_EQ(table_.send(m_, fd, "one", 3, MSG_ZEROCOPY), 3);
  EXPECT_EQ(table_.send(m_, fd, "two", 3, MSG_ZEROCOPY), 3);
  alignas(cmsghdr) char control[128];
  msghdr message{.msg_control = control, .msg_controllen = sizeof control};
  EXPECT_EQ(table_.recvmsg(m_, fd, &message, MSG_ERRQUEUE), -1);
  EXPECT_EQ(errno, EAGAIN);
  arrives(kAck, 101, iss_ + 4);
  arrives(kAck, 101, iss_ + 7);
  message.msg_controllen = sizeof control;
  EXPECT_EQ(table_.recvmsg(m_, fd, &message, MSG_ERRQUEUE), 0);
  ASSERT_TRUE(CMSG_FIRSTHDR(&message));
  sock_extended_err told;
  memcpy(&told, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof told);
  EXPECT_EQ(told.ee_info, 0u);
  EXPECT_EQ(told.ee_data, 1u);
}

TEST_F(Adapter, AnnouncesAndKeepsTheMssItIsTold) {
  const int fd = table_.socket(m_, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int most = 900, too_small = 10;
  EXPECT_EQ(table_.setsockopt(m_, fd, IPPROTO_TCP, TCP_MAXSEG, &too_small, sizeof too_small), -1);
  EXPECT_EQ(table_.setsockopt(m_, fd, IPPROTO_TCP, TCP_MAXSEG, &most, sizeof most), 0);
  const sockaddr_in here = address("192.168.1.1", 8080), peer = address("192.0.2.1", 40000);
  EXPECT_EQ(table_.bind(m_, fd, reinterpret_cast<const sockaddr*>(&here), sizeof here), 0);
  EXPECT_EQ(table_.connect(m_, fd, reinterpret_cast<const sockaddr*>(&peer), sizeof peer), -1);
  const auto syn = left();
  EXPECT_EQ(syn.options.mss, 900);
  arrives(kSyn | kAck, 100, syn.seq + 1, "", {.mss = 1460});
  EXPECT_EQ(left().ack, 101u);
  const std::string bytes(1000, 'x');
  EXPECT_EQ(table_.write(m_, fd, bytes.data(), bytes.size()), 1000);
  tcp_info info{};
  socklen_t size = sizeof info;
  EXPECT_EQ(table_.getsockopt(m_, fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
  EXPECT_EQ(info.tcpi_snd_mss, 900u);
  EXPECT_EQ(info.tcpi_advmss, 900u);
  EXPECT_EQ(info.tcpi_delivered, 1u);
  EXPECT_EQ(info.tcpi_data_segs_out, 1u);  // the rest waits: Nagle
  EXPECT_EQ(info.tcpi_bytes_sent, 900u);
}

TEST_F(Adapter, ARecordEndsItsPacket) {
  const int fd = accepted();
  EXPECT_EQ(table_.send(m_, fd, "one", 3, MSG_EOR), 3);
  EXPECT_EQ(table_.send(m_, fd, "second", 6, MSG_EOR), 6);
  EXPECT_EQ(table_.write(m_, fd, "rest", 4), 4);
  EXPECT_EQ(left().payload.size(), 3u);
  EXPECT_EQ(left().payload.size(), 6u);  // does not wait for an acknowledgement: more follows
  arrives(kAck, 101, iss_ + 10);
  EXPECT_EQ(left().payload.size(), 4u);
}

TEST_F(Adapter, TellsWhenAWriteLeftAndWasAcknowledged) {
  const int fd = accepted();
  const int asked = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_OPT_ID;
  EXPECT_EQ(table_.setsockopt(m_, fd, SOL_SOCKET, SO_TIMESTAMPING, &asked, sizeof asked), 0);
  EXPECT_EQ(table_.write(m_, fd, "hello", 5), 5);
  table_.usleep(m_, 20'000);
  arrives(kAck, 101, iss_ + 6);
  long long sent = 0;
  for (const uint32_t what : {uint32_t{SCM_TSTAMP_SND}, uint32_t{SCM_TSTAMP_ACK}}) {
    alignas(cmsghdr) char control[256];
    msghdr message{.msg_control = control, .msg_controllen = sizeof control};
    ASSERT_EQ(table_.recvmsg(m_, fd, &message, MSG_ERRQUEUE), 0);
    const cmsghdr* time = CMSG_FIRSTHDR(&message);
    ASSERT_TRUE(time);
    const cmsghdr* error = CMSG_NXTHDR(&message, const_cast<cmsghdr*>(time));
    ASSERT_TRUE(error);
    scm_timestamping at;
    memcpy(&at, CMSG_DATA(time), sizeof at);
    sock_extended_err told;
    memcpy(&told, CMSG_DATA(error), sizeof told);
    EXPECT_EQ(told.ee_info, what);
    EXPECT_EQ(told.ee_data, 4u);
    const long long now = at.ts[0].tv_sec * 1'000'000ll + at.ts[0].tv_nsec / 1000;
    const long long later = what == SCM_TSTAMP_ACK ? 20'000 : now;
    EXPECT_EQ(now - sent, later);
    sent = now;
  }
}

TEST_F(Adapter, AnEdgeIsToldOnce) {
  const int fd = accepted();
  const int epoll = table_.epoll_create(m_, 1);
  epoll_event asked{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.fd = fd}}, told{};
  EXPECT_EQ(table_.epoll_ctl(m_, epoll, EPOLL_CTL_ADD, fd, &asked), 0);
  EXPECT_EQ(table_.epoll_wait(m_, epoll, &told, 1, 0), 1);
  EXPECT_EQ(told.events, uint32_t{EPOLLOUT});
  EXPECT_EQ(table_.epoll_wait(m_, epoll, &told, 1, 0), 0);
  arrives(kAck | kPsh, 101, iss_ + 1, "hello");
  EXPECT_EQ(table_.epoll_wait(m_, epoll, &told, 1, 0), 1);
  EXPECT_EQ(told.events, uint32_t{EPOLLIN | EPOLLOUT});
  EXPECT_EQ(table_.epoll_wait(m_, epoll, &told, 1, 0), 0);
}

TEST_F(Adapter, APortIsTakenOverFromAListenerThatIsGone) {
  const int first = accepted();
  arrives(kRst, 101, 0);
  EXPECT_EQ(table_.close(m_, first), 0);
  EXPECT_EQ(table_.close(m_, listener_), 0);
  EXPECT_GE(accepted(), 0);
}

TEST_F(Adapter, ItsClockMovesOnlyWithItsCallers) {
  timeval first, second, third;
  table_.gettimeofday(m_, &first, nullptr);
  table_.gettimeofday(m_, &second, nullptr);
  table_.usleep(m_, 1'000'000);
  table_.gettimeofday(m_, &third, nullptr);
  EXPECT_EQ(second.tv_usec - first.tv_usec, 1);
  EXPECT_EQ(third.tv_sec - second.tv_sec, 1);
}

TEST_F(Adapter, WaitingForAPacketRunsTheTimers) {
  const int fd = accepted();
  timeval now;
  EXPECT_EQ(table_.write(m_, fd, "x", 1), 1);
  EXPECT_EQ(left().payload.size(), 1u);
  table_.gettimeofday(m_, &now, nullptr);
  EXPECT_EQ(left().payload.size(), 1u);  // sent again
  const long long waited = left_at_ - (now.tv_sec * 1'000'000ll + now.tv_usec);
  EXPECT_GE(waited, 199'000);
  EXPECT_LE(waited, 204'000);
}

TEST_F(Adapter, NothingWillLeaveWhereNoTimerRuns) {
  size_t size = 65536;
  EXPECT_EQ(table_.netdev_receive(m_, packet_.data(), &size, &left_at_), 0);
  EXPECT_EQ(size, 0u);
}

TEST_F(Adapter, ABlockedReadEndsWhenDataComes) {
  const int fd = accepted();
  char buffer[100];
  ssize_t count = 0;
  std::thread reader([&] { count = table_.read(m_, fd, buffer, sizeof buffer); });
  arrives(kAck | kPsh, 101, iss_ + 1, "late");
  reader.join();
  EXPECT_EQ(count, 4);
}

TEST_F(Adapter, TellsWhatTheKernelTells) {
  const int fd = accepted();
  tcp_info info{};
  socklen_t size = sizeof info;
  EXPECT_EQ(table_.getsockopt(m_, fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
  EXPECT_EQ(info.tcpi_state, 1);
  EXPECT_EQ(info.tcpi_snd_cwnd, 10u);
  EXPECT_EQ(info.tcpi_snd_mss, 1000u);
  EXPECT_TRUE(info.tcpi_options & TCPI_OPT_SACK);
}

TEST_F(Adapter, AResetIsAnError) {
  const int fd = accepted();
  arrives(kRst, 101, 0);
  pollfd asked{fd, POLLIN | POLLOUT, 0};
  EXPECT_EQ(table_.poll(m_, &asked, 1, 0), 1);
  EXPECT_TRUE(asked.revents & POLLERR);
  char buffer[10];
  EXPECT_EQ(table_.read(m_, fd, buffer, sizeof buffer), -1);
  EXPECT_EQ(errno, ECONNRESET);
  EXPECT_EQ(table_.read(m_, fd, buffer, sizeof buffer), 0);  // it is told once
}

TEST_F(Adapter, DialsFromTheAddressItWasTold) {
  const int fd = table_.socket(m_, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const sockaddr_in peer = address("192.0.2.1", 8080);
  EXPECT_EQ(table_.connect(m_, fd, reinterpret_cast<const sockaddr*>(&peer), sizeof peer), -1);
  EXPECT_EQ(errno, EINPROGRESS);
  const auto syn = left();
  EXPECT_TRUE(syn.has(kSyn));
  EXPECT_EQ(syn.tuple.remote.text(), "192.168.1.1");
}

}  // namespace
}  // namespace cardea::packetdrill
