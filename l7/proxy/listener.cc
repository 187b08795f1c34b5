#include "l7/proxy/listener.h"

#include <sys/socket.h>

#include <chrono>
#include <memory>

#include "base/stats.h"
#include "l7/proxy/connection.h"
#include "l7/proxy/live_service.h"
#include "l7/proxy/shard.h"
#include "l7/runtime/socket_address.h"
#include "l7/runtime/spawn.h"

namespace cardea::l7::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kShortagePause = 100ms;  // what is short (descriptors, memory) comes back when connections end

void reset(FileDescriptor socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

// Behind 0.0.0.0 and :: every connection has an address of its own; elsewhere it saves a call to know it.
Endpoint if_specific(const Endpoint& at) {
  return at.address == IpAddress{} || at.address == IpAddress::v4(0) ? Endpoint{} : at;
}

}  // namespace

ServiceListener* ServiceListener::start(Shard& shard, LiveService& service, FileDescriptor socket) {
  auto owner = std::make_unique<ServiceListener>(shard, service, std::move(socket));
  ServiceListener* self = owner.get();
  spawn(shard.loop(), accept_all, std::move(owner));
  return self;
}

ServiceListener::ServiceListener(Shard& shard, LiveService& service, FileDescriptor socket)
    : shard_(shard),
      service_(&service),
      listener_(shard.loop(), std::move(socket)),
      local_(if_specific(listener_.local())),
      arena_(shard.loop().chunks()) {}

Task<> ServiceListener::accept_all(ServiceListener& self) {
  for (;;) {
    Result<Accepted> accepted = co_await self.listener_.accept();
    if (accepted) {
      self.let_in(std::move(*accepted));
      continue;
    }
    if (self.listener_.closed()) co_return;
    stats::add(self.shard_.cells() + self.shard_.shared().rows.accept_failures, 1);
    co_await self.shard_.loop().sleep_until(self.shard_.loop().now() + kShortagePause);
  }
}

void ServiceListener::leave() {
  const FileDescriptor socket = listener_.take();
  for (;;) {
    SocketAddress peer;
    FileDescriptor queued(::accept4(socket.get(), peer.data(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!queued) return;
    let_in({std::move(queued), peer.endpoint()});
  }
}

void ServiceListener::let_in(Accepted accepted) {
  const ServicePlan& plan = *service_->now().plan;
  const uint32_t max = plan.source_connections_max;
  Sources& sources = *shard_.shared().sources;
  Sources::Place place = max == 0 ? Sources::Place() : sources.enter(plan.name, accepted.peer.address, max);
  if (max != 0 && !place) {
    stats::add(shard_.cells() + plan.rows.source_refused, 1);
    return reset(std::move(accepted.socket));
  }
  if (!plan.connections->take(plan.connections_max)) {
    stats::add(shard_.cells() + plan.rows.connections_refused, 1);
    return reset(std::move(accepted.socket));
  }
  accepted.local = local_;
  auto connection = std::make_unique<Connection>(shard_, *service_, std::move(accepted), std::move(place));
  spawn(shard_.loop(), serve, std::move(connection));
}

}  // namespace cardea::l7::proxy
