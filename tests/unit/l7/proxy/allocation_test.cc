// An exchange in steady state asks the allocator for nothing: neither a proxied one nor a hit in the cache.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <string_view>

#include "tests/unit/l7/proxy/site.h"
#include "tests/unit/l7/runtime/allocations.h"

namespace cardea::l7::proxy::test {
namespace {

// Sockets without a Peer's strings: nothing but the proxy may count.
void put(const Peer& peer, std::string_view text) {
  ASSERT_EQ(::send(peer.fd(), text.data(), text.size(), MSG_NOSIGNAL), ssize_t(text.size()));
}

void drop(Loop& loop, const Peer& peer, size_t bytes) {
  std::array<char, 4096> ignored;
  for (int turns = 0; bytes > 0 && turns < 5000; ++turns) {
    const ssize_t count = ::recv(peer.fd(), ignored.data(), ignored.size(), 0);
    if (count > 0) bytes -= std::min(bytes, size_t(count));
    loop.run_turn(std::chrono::milliseconds(bytes > 0));
  }
  ASSERT_EQ(bytes, 0u);
}

TEST(Allocation, AProxiedExchangeMakesNone) {
  for (const std::string& request : {get("/a?b=c", "Accept: */*\r\nCookie: a=b\r\n"), post("/a", std::string(2000, 'p')),
                                     get("/./a/../b")}) {
    Site site;
    Peer client = site.client();
    client.send(request);
    Peer backend = site.origin().accept();
    const size_t forwarded = backend.message().size();
    const std::string answer = ok(std::string(1024, 'x'), "Content-Type: text/plain\r\n");
    backend.send(answer);
    const size_t relayed = client.message().size();
    const auto exchange = [&] {
      put(client, request);
      drop(site.loop(), backend, forwarded);
      put(backend, answer);
      drop(site.loop(), client, relayed);
    };
    for (int i = 0; i < 20; ++i) exchange();
    const uint64_t before = allocations();
    for (int i = 0; i < 100; ++i) exchange();
    EXPECT_EQ(allocations() - before, 0u) << request;
  }
}

TEST(Allocation, AHitMakesNone) {
  Site site;
  Peer client = site.client();
  const std::string request = get("/cached/a", "Accept: */*\r\n");
  client.send(request);
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok(std::string(1024, 'x'), "Cache-Control: max-age=1000\r\n"));
  client.message();
  client.send(request);
  const size_t served = client.message().size();
  const auto exchange = [&] {
    put(client, request);
    drop(site.loop(), client, served);
  };
  for (int i = 0; i < 20; ++i) exchange();
  const uint64_t before = allocations();
  for (int i = 0; i < 100; ++i) exchange();
  EXPECT_EQ(allocations() - before, 0u);
}

TEST(Allocation, TheCounterCounts) {
  if (!allocations_are_counted()) return;
  const uint64_t before = allocations();
  auto* leaked = new std::string(1000, 'x');
  EXPECT_GT(allocations(), before);
  delete leaked;
}

}  // namespace
}  // namespace cardea::l7::proxy::test
