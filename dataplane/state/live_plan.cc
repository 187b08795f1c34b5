// From an image to a LivePlan: verify the bytes, check what they mean, then give numbers and build tables. Nothing is
// numbered before everything was checked, so that a refused image leaves little behind.
#include "dataplane/state/live_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/maglev.h"
#include "base/start_settings.h"
#include "dataplane/plan_schema.h"

namespace cardea::dataplane {
namespace {

using cardea::Protocol;

IpAddress address_of(const image::Address& address) {
  return IpAddress::v6_bytes(address.bytes()->data());
}

// ------------------------------------------------------------------ checks

Result<> check_ring(const image::Pool& pool) {
  const std::string name = pool.name()->str();
  const auto& ring = *pool.ring();
  const uint32_t backends = pool.backends()->size();
  if (ring.size() == 0 || ring.size() > 5'000'011)
    return fail(fmt::format("the ring of pool \"{}\" has {} slots", name, ring.size()));
  if (backends > kRingBackendsMax)
    return fail(fmt::format("pool \"{}\" has {} backends, {} are possible", name, backends, kRingBackendsMax));
  for (uint32_t slot = 0; slot < ring.size(); ++slot)
    if (ring.Get(slot) != kRingEmpty && ring.Get(slot) >= backends)
      return fail(fmt::format("slot {} of the ring of pool \"{}\" names backend {}, but there are {}", slot, name,
                              ring.Get(slot), backends));
  return {};
}

Result<> check_pool(const image::Pool& pool) {
  std::set<std::string> names;
  for (const image::Backend* backend : *pool.backends()) {
    if (!names.insert(backend->name()->str()).second)
      return fail(fmt::format("pool \"{}\" has backend \"{}\" twice", pool.name()->str(), backend->name()->str()));
    if (backend->state() > image::BackendState::MAX)
      return fail(fmt::format("backend \"{}\" of pool \"{}\" has an unknown state", backend->name()->str(),
                              pool.name()->str()));
    if (backend->port() == 0)
      return fail(fmt::format("backend \"{}\" of pool \"{}\" has port 0", backend->name()->str(), pool.name()->str()));
  }
  return check_ring(pool);
}

Result<> check_pools(const flatbuffers::Vector<flatbuffers::Offset<image::Pool>>& pools, uint32_t backends_max) {
  std::set<std::string> names;
  uint64_t backends = 0;
  for (const image::Pool* pool : pools) {
    if (!names.insert(pool->name()->str()).second)
      return fail(fmt::format("pool \"{}\" is there twice", pool->name()->str()));
    if (auto ok = check_pool(*pool); !ok) return ok;
    backends += pool->backends()->size();
  }
  if (backends > backends_max)
    return fail(fmt::format("{} backends, but dataplane.backends_max is {}", backends, backends_max));
  return {};
}

Result<> check_services(const image::Plan& plan) {
  if (plan.services()->size() > plan.settings()->services_max() || plan.services()->size() >= kNoService)
    return fail(fmt::format("{} services, but dataplane.services_max is {}", plan.services()->size(),
                            plan.settings()->services_max()));
  std::set<std::string> names;
  std::set<std::tuple<IpAddress, uint16_t, uint8_t>> listens;
  for (const image::Service* service : *plan.services()) {
    const std::string name = service->name()->str();
    if (!names.insert(name).second) return fail(fmt::format("service \"{}\" is there twice", name));
    if (service->forward() == image::Forward::none || service->forward() > image::Forward::MAX)
      return fail(fmt::format("service \"{}\" has an unknown way of forwarding", name));
    if (service->forward() != image::Forward::local && service->pool() >= plan.pools()->size())
      return fail(
          fmt::format("service \"{}\" names pool {}, but there are {}", name, service->pool(), plan.pools()->size()));
    for (const image::Listen* listen : *service->listen()) {
      const auto protocol = listen->protocol();
      const IpAddress address = address_of(listen->address());
      if ((protocol != image::Protocol::tcp && protocol != image::Protocol::udp) || listen->port() == 0)
        return fail(fmt::format("service \"{}\" listens on a port or protocol that does not exist", name));
      if (!listens.insert({address, listen->port(), uint8_t(protocol)}).second)
        return fail(fmt::format("service \"{}\" listens on {}, and so does another", name,
                                Endpoint{address, listen->port()}.text()));
    }
  }
  return {};
}

Result<> check_settings(const image::Plan& plan) {
  const image::Settings& s = *plan.settings();
  if (s.workers()->size() == 0 || s.workers()->size() > 256)
    return fail(fmt::format("{} workers", s.workers()->size()));
  if (plan.ports()->size() == 0 || plan.ports()->size() > 32)
    return fail(fmt::format("{} ports; 1 to 32 are possible", plan.ports()->size()));
  if (s.flows() == 0 || s.flows() > uint64_t{s.workers()->size()} * 100'000'000)
    return fail(fmt::format("{} flows; up to 100M a worker are possible", s.flows()));
  if (s.nat_port_first() == 0 || s.nat_port_first() > s.nat_port_last())
    return fail(fmt::format("NAT ports {} to {}", s.nat_port_first(), s.nat_port_last()));
  if (s.poll() > image::Poll::MAX || s.checksums() > image::Checksums::MAX)
    return fail("an unknown way to poll or to check sums");
  const uint32_t timeouts[] = {s.tcp_syn_timeout_ms(), s.tcp_established_timeout_ms(), s.tcp_closing_timeout_ms(),
                               s.udp_timeout_ms()};
  for (const uint32_t ms : timeouts)
    if (ms == 0 || ms > 0x7fffffff) return fail(fmt::format("a flow timeout of {} ms", ms));
  if (s.door_rate() == 0) return fail("a door that lets nothing in");
  if (s.door_ports() && s.door_ports()->size() > 64)
    return fail(fmt::format("{} ports of the host; up to 64 are possible", s.door_ports()->size()));
  if (s.backends_max() > 1'000'000) return fail(fmt::format("dataplane.backends_max of {}", s.backends_max()));
  for (const image::Port* port : *plan.ports())
    if (port->addresses())
      for (const image::Prefix* prefix : *port->addresses())
        if (prefix->length() > (address_of(prefix->address()).is_v4() ? 32 : 128))
          return fail(
              fmt::format("port \"{}\" has an address with prefix length {}", port->name()->str(), prefix->length()));
  return {};
}

Result<const image::Plan*> verified_plan(Bytes bytes) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  if (bytes.size() > kPlanBytesMax) return fail(fmt::format("not a plan: {} bytes", bytes.size()));
  if (auto ok = check_plan_schema(bytes, kPlanIdentifier); !ok) return std::unexpected(ok.error());
  flatbuffers::Verifier verifier(data, bytes.size(), 64, 100'000'000);
  if (!verifier.VerifyBuffer<image::Plan>(kPlanIdentifier))
    return fail("the plan is damaged: it points outside itself");
  return flatbuffers::GetRoot<image::Plan>(data);
}

// ------------------------------------------------------------------ building

std::vector<IpAddress> addresses_of(const flatbuffers::Vector<const image::Address*>* addresses) {
  std::vector<IpAddress> out;
  if (addresses)
    for (const image::Address* address : *addresses) out.push_back(address_of(*address));
  return out;
}

constexpr uint16_t kHostPorts[] = {22, 179, 3784, 4784};  // ssh, BGP, BFD: of a plan that says nothing

DoorSettings door_of(const image::Settings& s) {
  DoorSettings door{.rate = s.door_rate(), .other_hosts = s.door_other_hosts()};
  const auto add = [&](uint16_t port) { door.host_ports_be.push_back(__builtin_bswap16(port)); };
  if (s.door_ports())
    std::ranges::for_each(*s.door_ports(), add);
  else
    std::ranges::for_each(kHostPorts, add);
  return door;
}

PlanSettings settings_of(const image::Settings& s) {
  return {.workers = {s.workers()->begin(), s.workers()->end()},
          .poll = s.poll(),
          .flows = s.flows(),
          .nat_addresses = addresses_of(s.nat_addresses()),
          .nat_port_first = s.nat_port_first(),
          .nat_port_last = s.nat_port_last(),
          .checksums = s.checksums(),
          .timeouts = {s.tcp_syn_timeout_ms(), s.tcp_established_timeout_ms(), s.tcp_closing_timeout_ms(),
                       s.udp_timeout_ms()},
          .services_max = s.services_max(),
          .backends_max = s.backends_max(),
          .neighbours_max = s.neighbours_max(),
          .door = door_of(s)};
}

PlanPort port_of(const image::Port& p, const std::vector<IpAddress>& nat_addresses) {
  PlanPort port{.name = p.name()->str(),
                .device = p.device()->str(),
                .gateways = addresses_of(p.gateways()),
                .mtu = p.mtu(),
                .shared = p.kernel() == image::KernelSide::device};
  if (p.addresses())
    for (const image::Prefix* prefix : *p.addresses())
      port.addresses.push_back({address_of(prefix->address()), prefix->length()});
  for (const Prefix& prefix : port.addresses) {
    const bool v4 = prefix.address.is_v4();
    if (v4 && !port.has_v4) port.own_v4 = prefix.address, port.has_v4 = true;
    if (!v4 && !port.has_v6) port.own_v6 = prefix.address, port.has_v6 = true;
    if (nat_addresses.empty()) (v4 ? port.nat_v4 : port.nat_v6).push_back(prefix.address);
  }
  for (const IpAddress& address : nat_addresses) (address.is_v4() ? port.nat_v4 : port.nat_v6).push_back(address);
  return port;
}

LiveSlot live_slot(const image::Backend& backend, const TrafficCells& cells) {
  const IpAddress address = address_of(*backend.address());
  return {.address = address,
          .cells = cells,
          .port_be = __builtin_bswap16(backend.port()),
          .family = uint8_t(address.is_v4() ? 4 : 6),
          .keeps_old = backend.state() == image::BackendState::up || backend.state() == image::BackendState::drain};
}

Result<std::shared_ptr<const LivePool>> pool_of(const image::Pool& p, SlotRegistry& registry,
                                                std::vector<LiveSlot>& slots) {
  auto pool = std::make_shared<LivePool>();
  pool->name = p.name()->str();
  for (const image::Backend* backend : *p.backends()) {
    const Endpoint endpoint{address_of(*backend->address()), backend->port()};
    const auto slot = registry.slot({pool->name, backend->name()->str(), endpoint});
    if (!slot) return std::unexpected(slot.error());
    if (*slot >= slots.size()) slots.resize(*slot + 1);
    slots[*slot] = live_slot(*backend, registry.slot_cells(*slot));
    pool->backends.push_back({backend->name()->str(), *slot, backend->weight(), backend->state()});
  }
  pool->ring.reserve(p.ring()->size());
  for (const uint16_t index : *p.ring())
    pool->ring.push_back(index == kRingEmpty ? kNoSlot : pool->backends[index].slot);
  return pool;
}

// Backends that no plan has any more: what can choose again does, and TCP goes on for as long as they live.
void add_leftover_slots(const SlotRegistry& registry, std::vector<LiveSlot>& slots) {
  slots.resize(std::max<size_t>(slots.size(), registry.slots_end()));
  for (SlotId slot = 0; slot < registry.slots_end(); ++slot) {
    const SlotIdentity* identity = registry.identity(slot);
    if (identity == nullptr || slots[slot].family != 0) continue;
    slots[slot] = {.address = identity->endpoint.address,
                   .cells = registry.slot_cells(slot),
                   .port_be = __builtin_bswap16(identity->endpoint.port),
                   .family = uint8_t(identity->endpoint.address.is_v4() ? 4 : 6)};
  }
}

Result<std::shared_ptr<const std::vector<LiveService>>> services_of(const image::Plan& plan, SlotRegistry& registry) {
  auto services = std::make_shared<std::vector<LiveService>>();
  for (const image::Service* s : *plan.services()) {
    const auto id = registry.service(s->name()->str());
    if (!id) return std::unexpected(id.error());
    if (*id >= services->size()) services->resize(*id + 1u);
    LiveService& service = (*services)[*id];
    service = {.name = s->name()->str(),
               .forward = s->forward(),
               .pool = s->pool(),
               .cells = registry.service_cells(*id),
               .used = true};
    for (const image::Listen* listen : *s->listen())
      service.listens.push_back(
          {address_of(listen->address()), __builtin_bswap16(listen->port()), Protocol(listen->protocol()), *id});
  }
  services->resize(std::max<size_t>(services->size(), registry.services_end()));
  for (uint32_t id = 0; id < registry.services_end(); ++id)  // only flows use them still
    if (!(*services)[id].used && registry.service_name(ServiceId(id)))
      (*services)[id].cells = registry.service_cells(ServiceId(id));
  return services;
}

template <typename Visit>
void each_nat_address(const LivePlan& plan, Visit&& visit) {
  for (const PlanPort& port : plan.ports)
    for (const auto* addresses : {&port.nat_v4, &port.nat_v6})
      for (const IpAddress& address : *addresses) visit(address);
}

Result<std::vector<NatSource>> nat_sources_of(const LivePlan& plan, NatSources& sources) {
  Result<> first;
  each_nat_address(plan, [&](const IpAddress& address) {
    if (auto added = sources.add(address); first && !added) first = std::move(added);
  });
  if (!first) return std::unexpected(std::move(first).error());
  return sources.known();
}

std::shared_ptr<const ListenTable> listen_table_of(const LivePlan& plan) {
  std::vector<ListenEntry> listens;
  std::vector<AddressEntry> addresses;
  for (const LiveService& service : *plan.services)
    for (const ListenEntry& listen : service.listens) {
      listens.push_back(listen);
      addresses.push_back({listen.address, kServiceAddress});
    }
  for (const PlanPort& port : plan.ports)
    for (const Prefix& prefix : port.addresses) addresses.push_back({prefix.address, kPortAddress});
  for (const NatSource& source : plan.nat_sources) addresses.push_back({source.address, kNatAddress});
  return std::make_shared<ListenTable>(listens, addresses);
}

}  // namespace

Result<std::unique_ptr<const LivePlan>> build_live_plan(Bytes bytes, SlotRegistry& registry) {
  const auto image = verified_plan(bytes);
  if (!image) return std::unexpected(image.error());
  const image::Plan& from = **image;
  if (auto ok = check_settings(from); !ok) return std::unexpected(ok.error());
  if (auto ok = check_pools(*from.pools(), from.settings()->backends_max()); !ok) return std::unexpected(ok.error());
  if (auto ok = check_services(from); !ok) return std::unexpected(ok.error());

  auto plan = std::make_unique<LivePlan>();
  plan->generation = from.generation();
  plan->cluster = from.cluster()->str();
  plan->hash_key = {from.hash_key_0(), from.hash_key_1()};
  plan->settings = settings_of(*from.settings());
  for (const image::Port* port : *from.ports()) plan->ports.push_back(port_of(*port, plan->settings.nat_addresses));
  for (const image::Pool* pool : *from.pools()) {
    auto built = pool_of(*pool, registry, plan->slots);
    if (!built) return std::unexpected(built.error());
    plan->pools.push_back(std::move(*built));
  }
  auto services = services_of(from, registry);
  if (!services) return std::unexpected(services.error());
  plan->services = std::move(*services);
  auto nat_sources = nat_sources_of(*plan, registry.nat_sources());
  if (!nat_sources) return std::unexpected(nat_sources.error());
  plan->nat_sources = std::move(*nat_sources);
  add_leftover_slots(registry, plan->slots);
  plan->listen_table = listen_table_of(*plan);
  return plan;
}

Result<std::unique_ptr<const LivePlan>> update_pools(const LivePlan& running, Bytes bytes, SlotRegistry& registry) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  if (bytes.size() > kPlanBytesMax) return fail(fmt::format("not an update: {} bytes", bytes.size()));
  if (auto ok = check_plan_schema(bytes, kPoolUpdateIdentifier); !ok) return std::unexpected(ok.error());
  flatbuffers::Verifier verifier(data, bytes.size(), 64, 100'000'000);
  if (!verifier.VerifyBuffer<image::PoolUpdate>(kPoolUpdateIdentifier))
    return fail("the update of pools is damaged: it points outside itself");
  const auto& update = *flatbuffers::GetRoot<image::PoolUpdate>(data);
  if (update.generation() != running.generation)
    return fail(
        fmt::format("the update is for generation {}, but {} is running", update.generation(), running.generation));
  if (auto ok = check_pools(*update.pools(), running.settings.backends_max); !ok) return std::unexpected(ok.error());

  auto plan = std::make_unique<LivePlan>(running);
  for (const image::Pool* pool : *update.pools()) {
    const auto at = std::ranges::find(plan->pools, pool->name()->str(), [](const auto& p) { return p->name; });
    if (at == plan->pools.end()) return fail(fmt::format("the running plan has no pool \"{}\"", pool->name()->str()));
    for (const PlanBackend& backend : (*at)->backends)
      plan->slots[backend.slot].keeps_old = false;  // gone, unless named again
    auto built = pool_of(*pool, registry, plan->slots);
    if (!built) return std::unexpected(built.error());
    *at = std::move(*built);
  }
  return plan;
}

namespace {

bool same_ports(const LivePlan& running, const LivePlan& next) {
  return std::ranges::equal(running.ports, next.ports, [](const PlanPort& x, const PlanPort& y) {
    return x.name == y.name && x.device == y.device && x.mtu == y.mtu && x.shared == y.shared;
  });
}

bool same(StartSetting setting, const LivePlan& running, const LivePlan& next) {
  const PlanSettings &a = running.settings, &b = next.settings;
  switch (setting) {
    case StartSetting::kSeed:
      return running.hash_key == next.hash_key;
    case StartSetting::kWorkers:
      return a.workers == b.workers;
    case StartSetting::kFlows:
      return a.flows == b.flows;
    case StartSetting::kPoll:
      return a.poll == b.poll;
    case StartSetting::kNatPortFirst:
      return a.nat_port_first == b.nat_port_first;
    case StartSetting::kNatPortLast:
      return a.nat_port_last == b.nat_port_last;
    case StartSetting::kServicesMax:
      return a.services_max == b.services_max;
    case StartSetting::kBackendsMax:
      return a.backends_max == b.backends_max;
    case StartSetting::kNeighboursMax:
      return a.neighbours_max == b.neighbours_max;
    case StartSetting::kPorts:
      return same_ports(running, next);
    case StartSetting::kShards:
    case StartSetting::kTransport:
    case StartSetting::kAccessLogRing:
      return true;  // cardea-l7's
  }
  return true;
}

}  // namespace

Result<> check_reloadable(const LivePlan& running, const LivePlan& next) {
  for (const StartRow& row : kStartSettings)
    if (row.process == StartsWith::kDataplane && !same(row.setting, running, next))
      return fail(fmt::format("restart cardea-dataplane to change {}", row.path), Origin::kOperator);
  return {};
}

std::unique_ptr<const LivePlan> without_unused_nat_sources(const LivePlan& running, const SlotRegistry& registry) {
  if (running.nat_sources.size() == registry.nat_sources().size()) return nullptr;
  auto plan = std::make_unique<LivePlan>(running);
  plan->nat_sources = registry.nat_sources().known();
  plan->listen_table = listen_table_of(*plan);
  return plan;
}

void keep(const LivePlan& plan, SlotRegistry& registry) {
  each_nat_address(plan, [&](const IpAddress& address) { registry.keep_nat_source(address); });
  for (const auto& pool : plan.pools)
    for (const PlanBackend& backend : pool->backends) registry.keep_slot(backend.slot);
  for (const LiveService& service : *plan.services)
    for (const ListenEntry& listen : service.listens) registry.keep_service(listen.service);
}

}  // namespace cardea::dataplane
