// How long a packet waits for a worker that sleeps: the whole dataplane on one end of a veth pair, in a network
// namespace of its own, with one tunnelled service. A frame is put on the other end at moments that let the worker fall
// asleep in between. With `poll = "adaptive"` two times are taken from the moment before it is sent: until the worker
// has left its sleep (`l4.wakeup`), and until the frame is back encapsulated (`l4.wakeup.round`). Beside them stand
// `l4.wakeup.busy`, the round of a worker that never sleeps: what the two ends and the kernel's veth cost; and
// `l4.wakeup.floor`: what this machine takes to wake any thread on another CPU that sleeps in epoll. Only frames that
// found the worker asleep count. `l4.wakeup.idle_cpu` is the CPU that the whole sleeping dataplane uses. Root, and two
// CPUs: one is the worker's, one the sender's.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/file_descriptor.h"
#include "dataplane/control/running.h"
#include "tests/packets/site.h"

namespace cardea::dataplane::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr uint32_t kFrames = 1000;
constexpr uint32_t kOuter = 20;    // bytes that the tunnel puts before the packet
constexpr auto kPatience = 200ms;  // for a frame to come back
constexpr auto kIdle = 2s;
constexpr uint16_t kWorkerCpu = 0;

void shell(const char* command) {
  CHECK(std::system(command) == 0, "iproute2 or ethtool says no");
}

template <typename T>
T must(Result<T> result) {
  if (!result) std::fprintf(stderr, "%s\n", result.error().message.c_str());
  CHECK(result.has_value());
  return std::move(*result);
}

void stay_on(uint32_t first_cpu, uint32_t end_cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (uint32_t cpu = first_cpu; cpu < end_cpu; ++cpu) CPU_SET(cpu, &set);
  CHECK(::sched_setaffinity(0, sizeof set, &set) == 0, "a second CPU is needed");
}

void come_before_others() {
  ::setpriority(PRIO_PROCESS, 0, -10);  // as the product does
}

// Between two frames the worker falls asleep, and so does its CPU.
void let_it_sleep() {
  static std::mt19937 random(1);
  std::this_thread::sleep_for(std::chrono::microseconds(1000 + random() % 10000));
}

// A namespace with nothing in it but the pair: no IPv6, so nothing else ever wakes the worker.
void make_wire() {
  CHECK(::unshare(CLONE_NEWNET) == 0, "a network namespace needs root");
  shell("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
  shell("ip link add wire type veth peer name nic && ip link set wire up");
  shell("ethtool -K wire tx off tso off gso off gro off > /dev/null");
}

// Where the site's packets leave to, as control would have learned it from the kernel.
std::unique_ptr<const HopTable> one_hop(const LivePlan& plan, const Port& port) {
  auto table = std::make_unique<HopTable>();
  table->hops.push_back({.destination_mac = {2, 0, 0, 0, 0, 9},
                         .source_mac = port.mac,
                         .state = HopState::kResolved,
                         .address = IpAddress::parse("10.0.0.254").value()});
  table->routes = Routes(std::vector<Route>{{Prefix::parse("0.0.0.0/0").value(), 0}});
  table->slot_hops.assign(plan.slots.size(), 0);
  return table;
}

std::unique_ptr<Running> start(image::Poll poll, const std::string& stats_path) {
  image::PlanT plan = plan_of({});
  plan.settings->workers = {kWorkerCpu};
  plan.settings->poll = poll;
  plan.ports[0]->device = "net_af_packet,iface=nic";
  std::unique_ptr<Running> running = must(Running::open(must(prepare(packed(plan), stats_path)), {}));
  running->hops->publish(one_hop(*running->first_plan, running->ports[0]));
  running->plans->publish(std::move(running->first_plan));
  CHECK(running->launch().has_value());
  return running;
}

uint64_t relaxed(uint64_t& cell) {
  return std::atomic_ref(cell).load(std::memory_order_relaxed);
}

// The far end of the wire: a packet socket that puts frames on it and sees what comes back.
class FarEnd {
 public:
  FarEnd() : fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_IP))) {
    CHECK(bool(fd_), "a packet socket needs root");
    sockaddr_ll address{};
    address.sll_family = AF_PACKET, address.sll_protocol = htons(ETH_P_IP);
    address.sll_ifindex = int(::if_nametoindex("wire"));
    CHECK(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }

  struct Times {
    std::chrono::nanoseconds woke{};  // zero: the worker had not slept
    std::chrono::nanoseconds back{};  // zero: the frame did not come
  };

  // Spins: the figures shall not contain a sleep of their own. `wakeups` counts the worker's.
  Times round(const std::vector<std::byte>& frame, uint64_t& wakeups) {
    const uint64_t before = relaxed(wakeups);
    Times times;
    const auto from = Clock::now();
    if (::send(fd_.get(), frame.data(), frame.size(), 0) != ssize_t(frame.size())) return times;
    std::byte received[2048];
    for (auto now = from; now - from < kPatience; now = Clock::now()) {
      if (times.woke == 0ns && relaxed(wakeups) != before) times.woke = Clock::now() - from;
      if (::recv(fd_.get(), received, sizeof received, 0) != ssize_t(frame.size() + kOuter)) continue;
      times.back = Clock::now() - from;
      return times;
    }
    return times;
  }

 private:
  FileDescriptor fd_;
};

using Sample = std::vector<std::chrono::nanoseconds>;

struct Figures {
  Sample woke, back;
  uint32_t lost = 0, awake = 0;
};

double us(Sample& times, double quantile) {
  const auto at = times.begin() + std::ptrdiff_t(quantile * double(times.size() - 1));
  std::ranges::nth_element(times, at);
  return double(at->count()) / 1000;
}

Figures measure(Running& running, bool sleeps) {
  FarEnd far_end;
  Figures figures;
  uint64_t& wakeups = running.segment->cells(0)[running.rows.wakeups];
  auto bytes = frame({.tuple = tuple("198.51.100.7:5555", "203.0.113.2:80")});
  std::ranges::copy(std::as_bytes(std::span(running.ports[0].mac)), bytes.begin());  // or it is not for this port
  for (uint32_t i = 0; i < kFrames; ++i) {
    let_it_sleep();
    const FarEnd::Times times = far_end.round(bytes, wakeups);
    figures.lost += times.back == 0ns;
    figures.awake += times.back != 0ns && times.woke == 0ns;
    if (times.back == 0ns || (sleeps && times.woke == 0ns)) continue;
    figures.woke.push_back(times.woke);
    figures.back.push_back(times.back);
  }
  return figures;
}

void print(const std::string& name, Sample& times) {
  CHECK(!times.empty(), "no frame came back from a worker that had slept");
  for (const auto& [which, quantile] : {std::pair{"median", 0.5}, {"p99", 0.99}})
    std::printf("{\"name\": \"%s.%s\", \"value\": %.1f, \"unit\": \"us\", \"frames\": %zu}\n", name.c_str(), which,
                us(times, quantile), times.size());
  std::fflush(stdout);
}

// What does not count, told apart: a figure over few frames is worth little.
void print_left_out(const Figures& figures) {
  std::printf("{\"name\": \"l4.wakeup.left_out\", \"value\": %u, \"unit\": \"frames\", \"lost\": %u, \"awake\": %u}\n",
              figures.lost + figures.awake, figures.lost, figures.awake);
}

double idle_percent() {
  const auto cpu_ns = [] {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return double(time.tv_sec) * 1e9 + double(time.tv_nsec);
  };
  const double before = cpu_ns();
  std::this_thread::sleep_for(kIdle);
  return 100 * (cpu_ns() - before) / double(std::chrono::nanoseconds(kIdle).count());
}

void bench_dataplane(image::Poll poll) {
  make_wire();
  come_before_others();
  const std::string stats_path = fmt::format("/dev/shm/cardea-wakeup-{}.stats", getpid());
  auto running = start(poll, stats_path);
  stay_on(kWorkerCpu + 1, std::thread::hardware_concurrency());
  const bool sleeps = poll == image::Poll::adaptive;
  if (sleeps) {
    std::printf("{\"name\": \"l4.wakeup.idle_cpu\", \"value\": %.2f, \"unit\": \"%% of a core\"}\n", idle_percent());
  }
  Figures figures = measure(*running, sleeps);
  if (sleeps) {
    print("l4.wakeup", figures.woke);
    print("l4.wakeup.round", figures.back);
    print_left_out(figures);
  } else {
    print("l4.wakeup.busy", figures.back);
  }
  running.reset();
  ::unlink(stats_path.c_str());
}

// A thread that does nothing but sleep and say when it woke.
void bench_floor() {
  come_before_others();
  const FileDescriptor bell(::eventfd(0, EFD_CLOEXEC)), epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{.events = EPOLLIN, .data = {}};
  CHECK(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, bell.get(), &event) == 0);
  std::atomic<int64_t> woke{0};
  std::jthread sleeper([&](const std::stop_token& stop) {
    stay_on(kWorkerCpu, kWorkerCpu + 1);
    for (epoll_event ready; !stop.stop_requested();) {
      if (::epoll_wait(epoll.get(), &ready, 1, 100) <= 0) continue;
      woke = Clock::now().time_since_epoch().count();
      uint64_t count;
      CHECK(::read(bell.get(), &count, sizeof count) == sizeof count);
    }
  });
  stay_on(kWorkerCpu + 1, std::thread::hardware_concurrency());
  Sample times;
  for (uint32_t i = 0; i < kFrames; ++i) {
    let_it_sleep();
    woke = 0;
    const uint64_t one = 1;
    const int64_t from = Clock::now().time_since_epoch().count();
    CHECK(::write(bell.get(), &one, sizeof one) == sizeof one);
    while (woke == 0) {
    }
    times.emplace_back(woke - from);
  }
  print("l4.wakeup.floor", times);
}

// DPDK starts once in a process, and the namespace ends with it.
template <typename Bench>
void in_a_process(Bench&& bench) {
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) {
    bench();
    std::fflush(stdout);
    ::_exit(0);
  }
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child && status == 0);
}

}  // namespace
}  // namespace cardea::dataplane::test

int main() {
  using namespace cardea::dataplane::test;
  using cardea::dataplane::image::Poll;
  in_a_process([] { bench_floor(); });
  in_a_process([] { bench_dataplane(Poll::busy); });
  in_a_process([] { bench_dataplane(Poll::adaptive); });
}
