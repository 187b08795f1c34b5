#include "l7/proxy/live_service.h"

#include "base/stats.h"
#include "l7/proxy/shard.h"

namespace cardea::l7::proxy {
namespace {

void change(uint64_t* cell, int by) {
  stats::add(cell, uint64_t(int64_t{by}));
}

}  // namespace

LiveConnection::LiveConnection(Shard& shard, LiveService& service) : shard_(shard), service_(service) {
  const ServiceRows& rows = service.now().plan->rows;
  service.connections++;
  service.list.push_back(*this);
  shard.connections_++;
  change(shard.cells() + rows.connections, 1);
  change(shard.cells() + rows.connections_total, 1);
  change(shard.cells() + shard.shared().rows.connections, 1);
}

LiveConnection::~LiveConnection() {
  unlink();
  service_.now().plan->connections->give_back();
  change(shard_.cells() + service_.now().plan->rows.connections, -1);
  change(shard_.cells() + shard_.shared().rows.connections, -1);
  shard_.connections_--;
  service_.connections--;
  if (service_.gone) shard_.forget(service_);
}

}  // namespace cardea::l7::proxy
