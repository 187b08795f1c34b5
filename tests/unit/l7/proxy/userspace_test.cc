// A service that is spoken to by our own TCP: a client whose packets come through the door, from the SYN to the answer, and
// reloads from one transport to the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "l7/door/tcp_stream.h"
#include "tests/unit/l7/door/two_hosts.h"
#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const Endpoint kShop = *Endpoint::parse("203.0.113.7:80");
const IpAddress kClient = *IpAddress::parse("192.0.2.1");

void by_our_own(image::PlanT& plan) {
  plan.services[0]->transport = image::Transport::userspace;
}

class Userspace : public testing::Test {
 protected:
  Userspace() {
    shops_door.make();
    site.shop_also = kShop;
    site.shard->attach(shops_door.attached);
    site.adopt(by_our_own);
  }
  ~Userspace() override { stream.reset(); }

  void dial() {
    const auto dialled = clients.door->dial(kClient, kShop);
    ASSERT_TRUE(dialled) << dialled.error().message;
    stream = std::make_unique<door::TcpStream>(*clients.door, dialled->first, dialled->second, kShop);
  }
  void step() {
    site.loop().run_until_idle();
    clients.loop->run_until_idle();
    between.carry(shops_door, clients);
    between.carry(clients, shops_door);
    site.advance(1ms);
    clients.loop->advance(1ms);
  }
  bool run(const std::function<bool()>& until) {
    for (int i = 0; i < 5000 && !until(); ++i) step();
    return until();
  }
  void send(std::string_view text) {
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    ASSERT_TRUE(run([&] { return stream->ready(Direction::kWrite); }));
    ASSERT_EQ(stream->try_write({&piece, 1}).bytes, text.size());
    for (int i = 0; i < 5; ++i) step();
  }
  // Everything that comes until `text` has.
  std::string until(std::string_view text) {
    std::string got;
    EXPECT_TRUE(run([&] {
      std::array<std::byte, 4096> buffer;
      const IoResult read = stream->try_read(buffer);
      if (read.ok()) got.append(reinterpret_cast<const char*>(buffer.data()), read.bytes);
      return got.find(text) != std::string::npos;
    })) << got;
    return got;
  }
  void exchange(std::string_view words) {
    send(get("/"));
    Peer backend = site.origin().accept();
    EXPECT_THAT(backend.head(), HasSubstr("GET / HTTP/1.1"));
    backend.send(ok(words));
    EXPECT_THAT(until(words), HasSubstr("HTTP/1.1 200 OK"));
  }
  IoResult read() {
    std::array<std::byte, 16> buffer;
    return stream->try_read(buffer);
  }

  Site site;
  door::Host clients;
  door::DoorEnd shops_door{1};
  door::Carrier between;
  std::unique_ptr<door::TcpStream> stream;
};

TEST_F(Userspace, ARequestIsAnswered) {
  dial();
  exchange("over our own TCP");
  EXPECT_EQ(site.value("cardea_l7_service_connections", "shop"), 1u);
  EXPECT_EQ(site.log_line()["client"], stream->local().text());
  stream.reset();
  ASSERT_TRUE(run([&] { return site.value("cardea_l7_service_connections", "shop") == 0; }));
  EXPECT_EQ(site.shard->door().bytes_lent(), 0u);
}

TEST_F(Userspace, WhoIsOverTheLimitIsReset) {
  site.adopt([](image::PlanT& plan) {
    by_our_own(plan);
    plan.services[0]->connections_max = 1;
  });
  dial();
  exchange("first");
  const std::unique_ptr<door::TcpStream> first = std::move(stream);
  dial();
  ASSERT_TRUE(run([&] { return read().status == IoStatus::kError; }));
  EXPECT_EQ(read().error, ECONNRESET);
  EXPECT_EQ(site.value("cardea_l7_service_connections_refused_total", "shop"), 1u);
}

TEST_F(Userspace, AReloadToTheKernelLetsGoOnWhatRunsAndAnswersNobodyNew) {
  dial();
  exchange("before");
  site.adopt({});
  exchange("after");
  ASSERT_TRUE(run([&] { return site.shard->leaving_listeners() == 0; }));
  const std::unique_ptr<door::TcpStream> first = std::move(stream);
  dial();
  ASSERT_TRUE(run([&] { return stream->ready(Direction::kWrite); }));
  EXPECT_EQ(read().error, ECONNREFUSED);
  site.adopt(by_our_own);
  dial();
  exchange("and back");
}

TEST_F(Userspace, AServiceThatIsGoneClosesWhatIdles) {
  dial();
  exchange("once");
  site.shard->drain();
  ASSERT_TRUE(run([&] { return read().status == IoStatus::kEnd; }));
  EXPECT_GT(site.shard->leaving_listeners(), 0u) << "they have their time";
  stream.reset();
  ASSERT_TRUE(run([&] { return site.shard->leaving_listeners() == 0; }));
}

}  // namespace
}  // namespace cardea::l7::proxy::test
