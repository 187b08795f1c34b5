#include "tests/unit/l7/proxy/site.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "l7/cache/cache.h"
#include "l7/runtime/listener.h"
#include "l7/runtime/socket_address.h"

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;

// Segments as on an Ethernet. Loopback's own are 64 KB: a receiver with a small buffer never opens its window that wide,
// and the kernel then sends a window each time its probe timer fires, five times a second.
void use_ethernet_segments(const FileDescriptor& socket) {
  const int bytes = 1460;
  EXPECT_EQ(::setsockopt(socket.get(), IPPROTO_TCP, TCP_MAXSEG, &bytes, sizeof bytes), 0);
}

FileDescriptor connected(const Endpoint& to) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  use_ethernet_segments(socket);
  const SocketAddress at(to);
  EXPECT_EQ(::connect(socket.get(), at.data(), at.length), 0) << to.text();
  return socket;
}

stats::Segment segment(const std::string& path) {
  auto made = stats::Segment::create(path, 1, 4096, 65536);
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return std::move(*made);
}

FileDescriptor fifo(const std::string& path) {
  EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  return FileDescriptor(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

}  // namespace

Origin::Origin(Loop& loop) : loop_(loop) {
  listen();
}

void Origin::listen() {
  socket_ = open_listening_socket(port_.endpoint()).value();
  use_ethernet_segments(socket_);
}

Peer Origin::accept() {
  FileDescriptor accepted;
  const bool came = run_until(loop_, [&] {
    accepted = FileDescriptor(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return bool(accepted);
  });
  EXPECT_TRUE(came) << "nobody connected to the backend";
  return Peer(loop_, std::move(accepted));
}

bool Origin::has_caller() const {
  pollfd waiting{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, 0) == 1;
}

bool Origin::nobody_called() {
  settle(loop_);
  return !has_caller();
}

Site::Site(const Change& change, size_t origin_count)
    : stats_path_(folder.file("stats")),
      segment_(segment(stats_path_)),
      resources_{RowBook(segment_), {}},
      log_(fifo(folder.file("log"))) {
  stats::RowAdder add(segment_);
  const ShardRows rows = ShardRows::add(add);
  const Shared shared{.segment = &segment_, .rows = rows, .shards = 1, .waf_socket = folder.file("waf.sock")};
  shard = Shard::create(0, shared, Loop::Clock::kManual).value();
  for (size_t i = 0; i < origin_count; ++i) origins.push_back(std::make_unique<Origin>(loop()));
  adopt(change);
}

Site::~Site() {
  shard.reset();
}

image::PlanT Site::image(const Change& change) const {
  image::PlanT made = l7::test::plan(generation_);
  made.pools.pop_back();
  image::PoolT& web = *made.pools[0];
  web.balance = image::Balance::round_robin, web.ring.clear(), web.backends.clear();
  for (const auto& its : origins) web.backends.push_back(l7::test::backend("127.0.0.1", its->port()));
  made.services[1]->name = "raw", made.services[1]->pool = 0;
  made.logs.push_back(std::make_unique<image::AccessLogT>());
  made.logs[0]->name = "access_log", made.logs[0]->target = folder.file("log");
  if (change) change(made);
  for (auto& service : made.services)
    if (service->logs.empty()) service->logs = {0};
  return made;
}

void Site::take_over(std::shared_ptr<const LivePlan> next) {
  std::set<Endpoint> known;
  if (plan) {
    for (const auto& service : plan->services) known.insert(service->listen.begin(), service->listen.end());
  }
  std::map<Endpoint, FileDescriptor> sockets;
  for (const auto& service : next->services) {
    for (const Endpoint& at : service->listen)
      if (!known.contains(at)) sockets[at] = open_listening_socket(at).value();
  }
  plan = next;
  shard->adopt(std::move(next), std::move(sockets));
}

void Site::adopt(const Change& change) {
  image::PlanT made = image(change);
  for (auto& service : made.services) {
    service->listen = {{l7::test::address("127.0.0.1"), ports_[service->name].number()}};
    if (service->name == "shop" && shop_also)
      service->listen.push_back({l7::test::address(shop_also->address.text()), shop_also->port});
  }
  auto next = load_plan(l7::test::packed(made), resources_, plan.get());
  ASSERT_TRUE(next.has_value()) << next.error().message;
  for (const CachePlan& cache : (*next)->caches) cache.cache->set_limits({cache.limits.memory, cache.limits.object});
  take_over(std::move(*next));
  generation_++;
}

void Site::update_pools(const Change& change) {
  image::PlanT made = image(change);
  image::PoolUpdateT update;
  update.schema = kPlanSchema, update.generation = generation_++;
  update.pools = std::move(made.pools);
  auto next = load_pool_update(l7::test::packed(update), resources_, *plan);
  ASSERT_TRUE(next.has_value()) << next.error().message;
  plan = *next;
  shard->update_pools(std::move(*next));
}

Peer Site::client(const char* service) {
  return Peer(loop(), connected(ports_.at(service).endpoint()));
}

size_t Site::called() {
  size_t which = 0;
  const auto has_caller = [](const auto& origin) { return origin->has_caller(); };
  const bool came = run_until(loop(), [&] {
    which = size_t(std::ranges::find_if(origins, has_caller) - origins.begin());
    return which < origins.size();
  });
  EXPECT_TRUE(came) << "nobody connected to a backend";
  return came ? which : 0;
}

nlohmann::json Site::log_line() {
  size_t end = std::string::npos;
  const bool came = run_until(loop(), [&] {
    char text[65536];
    const ssize_t count = ::read(log_.get(), text, sizeof text);
    if (count > 0) log_text_.append(text, size_t(count));
    return (end = log_text_.find('\n')) != std::string::npos;
  });
  EXPECT_TRUE(came) << "no line in the access log";
  if (!came) return {};
  const std::string line = log_text_.substr(0, end);
  log_text_.erase(0, end + 1);
  auto parsed = nlohmann::json::parse(line, nullptr, false);
  EXPECT_FALSE(parsed.is_discarded()) << line;
  return parsed;
}

uint64_t Site::value(std::string_view name, std::string_view labels) const {
  const stats::Snapshot snapshot = stats::read(stats_path_).value();
  uint64_t sum = 0;
  bool found = false;
  for (const stats::Sample& sample : snapshot.samples) {
    if (sample.description.name != name || sample.description.labels.find(labels) == std::string::npos) continue;
    sum += sample.description.kind == stats::Kind::kHistogram ? sample.count : sample.value;
    found = true;
  }
  EXPECT_TRUE(found) << "no row " << name << "{" << labels << "}";
  return sum;
}

}  // namespace cardea::l7::proxy::test
