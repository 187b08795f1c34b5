// Any bytes as a plan and as an update of pools: refused with a reason or built, never a crash.
#include <unistd.h>

#include "base/stats.h"
#include "dataplane/state/live_plan.h"
#include "tests/packets/site.h"

using namespace cardea::dataplane;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static cardea::stats::Segment& segment = *[] {
    const std::string path = "/dev/shm/cardea-fuzz-" + std::to_string(getpid());
    auto* made = new cardea::stats::Segment(cardea::stats::Segment::create(path, 1, 4096, 8192).value());
    unlink(path.c_str());
    return made;
  }();
  const cardea::Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  SlotRegistry registry(segment, 16, 64);
  if (const auto plan = build_live_plan(bytes, registry); !plan && plan.error().message.empty()) __builtin_trap();
  static const std::vector<std::byte> good = [] {
    image::PlanT plan = test::plan_of({.backends = 2});
    for (auto& pool : plan.pools) pool->ring.resize(251);
    return test::packed(plan);
  }();
  if (const auto running = build_live_plan(good, registry))
    if (const auto updated = update_pools(**running, bytes, registry); !updated && updated.error().message.empty())
      __builtin_trap();
  registry.forget_plan();
  registry.free_unused();
  return 0;
}
