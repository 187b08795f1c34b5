// Listeners that leave: who was connecting is served, who comes later is told nothing until the socket is gone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <poll.h>
#include <sys/socket.h>

#include "l7/proxy/listener.h"
#include "l7/runtime/socket_address.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// A client whose SYN is out. A deaf one hears nothing until it is told to, and so does not answer the SYN-ACK.
class Connecting {
 public:
  enum Ears { kHears, kDeaf };
  Connecting(Site& site, const char* service, Ears ears = kHears)
      : site_(site), socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    const sock_fprog program{.len = 1, .filter = nothing};
    if (ears == kDeaf)
      EXPECT_EQ(::setsockopt(socket_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
    const SocketAddress at(site.at(service));
    EXPECT_EQ(::connect(socket_.get(), at.data(), at.length), -1);
    EXPECT_EQ(errno, EINPROGRESS);
  }
  // The kernel repeats its SYN-ACK after a second.
  Peer listen() {
    int unused = 0;
    EXPECT_EQ(::setsockopt(socket_.get(), SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused), 0);
    EXPECT_EQ(outcome(), 0) << "reset";
    return Peer(site_.loop(), std::move(socket_));
  }
  // 0, or the error, waited for.
  int outcome() {
    EXPECT_TRUE(run_until(site_.loop(), [this] { return settled(); }));
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
  }
  bool is_left_alone() {
    settle(site_.loop());
    return !settled();
  }

 private:
  bool settled() const {
    pollfd waiting{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
    return ::poll(&waiting, 1, 0) == 1;
  }

  Site& site_;
  FileDescriptor socket_;
};

TEST(LeavingListener, ARequestOfWhoWasConnectingIsAnswered) {
  Site site;
  Connecting deaf(site, "shop", Connecting::kDeaf);
  settle(site.loop());
  site.shard->drain();
  settle(site.loop());
  Peer client = deaf.listen();
  settle(site.loop());
  client.send(get("/"));
  Peer backend = site.origin().accept();
  EXPECT_THAT(backend.message(), testing::StartsWith("GET / "));
  backend.send(ok("served"));
  EXPECT_THAT(client.rest(), testing::AllOf(HasSubstr("\r\nConnection: close\r\n"), HasSubstr("served")));
  EXPECT_FALSE(client.reset());
}

// A reload that takes an endpoint, and one that takes a whole service.
TEST(LeavingListener, ATunnelOfWhoWasConnectingIsServed) {
  Site site;
  Connecting deaf(site, "raw", Connecting::kDeaf);
  site.adopt([](image::PlanT& plan) { plan.services.pop_back(); });
  Peer client = deaf.listen();
  client.send("bytes");
  EXPECT_EQ(site.origin().accept().take(5), "bytes");
}

TEST(LeavingListener, NobodyElseIsAnsweredAndItIsGoneInTime) {
  Site site;
  EXPECT_EQ(site.shard->leaving_listeners(), 0u);
  site.shard->drain();
  EXPECT_EQ(site.shard->leaving_listeners(), 2u);
  EXPECT_TRUE(Connecting(site, "shop").is_left_alone()) << "neither accepted nor reset";
  site.advance(kLeaveTime - 1ms);
  EXPECT_TRUE(Connecting(site, "raw").is_left_alone());
  site.advance(1ms);
  EXPECT_EQ(site.shard->leaving_listeners(), 0u);
  EXPECT_EQ(Connecting(site, "shop").outcome(), ECONNREFUSED);
  EXPECT_EQ(site.shard->connections(), 0u);
}

TEST(LeavingListener, WhoConnectedAndSaysNothingIsNotWaitedForLong) {
  Site site;
  Peer silent = site.client();  // connected, not accepted yet
  site.shard->drain();
  settle(site.loop());
  EXPECT_TRUE(silent.silent());
  site.advance(kLeaveTime);
  EXPECT_EQ(silent.rest(), "");
  EXPECT_EQ(site.shard->connections(), 0u);
}

// Connected and not accepted yet when another listener takes the place.
TEST(LeavingListener, WhoIsQueuedThereIsServedWhereItReturnsAtOnce) {
  Site site;
  Peer queued = site.client("raw");
  site.adopt([](image::PlanT& plan) { plan.services.pop_back(); });
  site.adopt({});
  queued.send("bytes");
  EXPECT_EQ(site.origin().accept().take(5), "bytes");
}

// It comes back before its last listener is gone.
TEST(LeavingListener, AServiceThatReturnsAtOnceIsServedAnew) {
  Site site;
  site.adopt([](image::PlanT& plan) { plan.services.pop_back(); });
  site.adopt({});
  Peer client = site.client("raw");
  client.send("bytes");
  EXPECT_EQ(site.origin().accept().take(5), "bytes");
}

}  // namespace
}  // namespace cardea::l7::proxy::test
