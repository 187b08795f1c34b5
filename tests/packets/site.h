// A small site in memory for tests and benches of the packet line: a plan, routes and resolved hops, a worker with its
// flow table and counters, and frames built byte by byte. Clients are behind port 0's gateway; backends 10.0.0.11.. and
// fd00::11.. are its neighbours, or those of port 1 ("lan", 10.0.0.1 there) where the site has one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/stats.h"
#include "dataplane/path/path.h"

struct rte_mempool;

namespace cardea::dataplane::test {

struct SiteOptions {
  uint32_t backends = 4;
  uint32_t flows = 1024;
  uint16_t nat_port_first = 1024, nat_port_last = 32767;
  uint16_t mtu = 1500;
  image::Checksums checksums = image::Checksums::headers;
  bool lan = false;                        // a second port, and the backends on it: port 0 is 192.0.2.1 then
  std::vector<std::string> nat_addresses;  // none: the ports' own
  uint32_t shards = 0;                     // of a cardea-l7 that is attached; its services come to the plan
};

// Once a process, without devices or files; in huge pages if asked to and some are free.
void start_eal(bool huge_pages = false);
rte_mempool* packet_pool();

// Services: 203.0.113.1:80/tcp and 2001:db8::1 fullnat, :53/udp too; 203.0.113.2 and 2001:db8::2 ipip, 203.0.113.3 and
// 2001:db8::3 local, with the same ports; 203.0.113.4:80/tcp and 2001:db8::4 of our own TCP where there are shards.
image::PlanT plan_of(const SiteOptions& options);
std::vector<std::byte> packed(const image::PlanT& plan);
std::vector<std::byte> packed(const image::PoolUpdateT& update);
inline std::vector<std::byte> plan_image(const SiteOptions& options) {
  return packed(plan_of(options));
}

// One of plan_of()'s pools ("v4" or "v6") with every backend in this state, as an update of the site's plan.
image::PoolUpdateT pool_update(const std::string& pool, uint32_t backends, image::BackendState state);

class Site {
 public:
  explicit Site(const SiteOptions& options = {});
  Site(const Site&) = delete;
  ~Site();

  uint64_t drops(Reason reason) const { return worker.cells[path_cells.drops[size_t(reason)]]; }
  void resolve(HopState state);  // of every backend's hop
  // From now on, as the kernel tells of a route: a new table of hops.
  void route(const std::string& prefix, const Hop& hop);
  void update(const image::PoolUpdateT& update);  // CHECKs that it is taken
  void reload(const image::PlanT& plan);          // the same
  // One more cardea-l7, the newest; or one less.
  L7Instance& attach(uint32_t shards);
  void detach(const L7Instance& instance, Left how = Left::kEnded);

  std::unique_ptr<stats::Segment> segment;
  std::unique_ptr<SlotRegistry> registry;
  std::unique_ptr<const LivePlan> plan;
  PathCells path_cells;
  HopTable hops;
  L7Instances l7;
  WorkerState worker;

 private:
  std::vector<Route> routes_;
  std::string stats_path_;
  void* memory_ = nullptr;
  size_t memory_size_ = 0;
};

struct FrameSpec {
  FlowTuple tuple;
  uint8_t tcp_flags = 0x10;
  uint16_t payload = 6;
  uint8_t ttl = 64;
  uint32_t sequence = 0, acknowledgement = 0;
};
FlowTuple tuple(const std::string& source, const std::string& destination, Protocol protocol = Protocol::kTcp);
std::vector<std::byte> frame(const FrameSpec& spec);
rte_mbuf* packet(const std::vector<std::byte>& frame);

}  // namespace cardea::dataplane::test
