#include "l7/proxy/let_in.h"

#include <memory>

#include "base/stats.h"
#include "l7/proxy/connection.h"
#include "l7/proxy/live_service.h"
#include "l7/proxy/shard.h"
#include "l7/runtime/spawn.h"

namespace cardea::l7::proxy {

void let_in(Shard& shard, LiveService& service, door::Arrived arrived) {
  const ServicePlan& plan = *service.now().plan;
  // Whoever is carried for others is limited when it is known for whom.
  const uint32_t max = plan.expects_proxy_header(arrived.peer.address) ? 0 : plan.source_connections_max;
  Sources& sources = *shard.shared().sources;
  Sources::Place place = max == 0 ? Sources::Place() : sources.enter(plan.name, arrived.peer.address, max);
  if (max != 0 && !place) {
    stats::add(shard.cells() + plan.rows.source_refused, 1);
    return refuse(std::move(arrived));
  }
  std::unique_ptr<CountedKeys> counted;
  if (!plan.expects_proxy_header(arrived.peer.address) && !keep_connection_limits(shard, service, arrived.peer.address, counted, true))
    return refuse(std::move(arrived));
  if (!plan.connections->take(plan.connections_max)) {
    stats::add(shard.cells() + plan.rows.connections_refused, 1);
    return refuse(std::move(arrived));
  }
  auto connection = std::make_unique<Connection>(shard, service, std::move(arrived), std::move(place));
  connection->counted_keys = std::move(counted);
  spawn(shard.loop(), serve, std::move(connection));
}

}  // namespace cardea::l7::proxy
