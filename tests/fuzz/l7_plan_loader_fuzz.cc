// Any bytes as a plan of L7 and as an update of pools: refused with a reason or built, never a crash, and what was built
// has no index that leads nowhere.
#include <unistd.h>

#include "l7/plan/load.h"
#include "tests/unit/l7/plan/images.h"

using namespace cardea::l7;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void check(const RoutePlan& route, const LivePlan& plan) {
  const route::Proxy* proxy = route.proxy();
  if (proxy == nullptr) return;
  require(proxy->weights() > 0 && proxy->cache < int64_t(plan.caches.size()));
  for (const route::Share& share : proxy->shares) require(share.pool < plan.pools.size());
}

void check(const LivePlan& plan) {
  require(plan.shards == plan.settings.cpus.size() && plan.shards > 0);
  for (const auto& service : plan.services) {
    require(service->mode == Mode::kHttp || service->pool < plan.pools.size());
    for (const RoutePlan& route : service->routes) check(route, plan);
  }
  for (const auto& pool : plan.pools)
    for (const uint16_t index : pool->ring) require(index == 0xffff || index < pool->backends.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static cardea::stats::Segment& segment = *[] {
    const std::string path = "/dev/shm/cardea-fuzz-l7-" + std::to_string(getpid());
    auto* made = new cardea::stats::Segment(cardea::stats::Segment::create(path, 1, 8192, 65536).value());
    unlink(path.c_str());
    return made;
  }();
  static PlanResources& resources = *new PlanResources{RowBook(segment), {}};
  static const std::vector<std::byte> good = test::packed(test::plan());
  const cardea::Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  {
    const auto plan = load_plan(bytes, resources, nullptr);
    if (plan) check(**plan);
    require(plan || !plan.error().message.empty());
    const auto running = load_plan(good, resources, nullptr);
    require(running.has_value());
    const auto updated = load_pool_update(bytes, resources, **running);
    if (updated) check(**updated);
    require(updated || !updated.error().message.empty());
  }
  resources.rows.sweep();
  return 0;
}
