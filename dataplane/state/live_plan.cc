// From an image to a LivePlan: give numbers and build tables. Nothing is numbered before everything was checked
// (image_checks.h), so that a refused image leaves little behind.
#include "dataplane/state/live_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/maglev.h"
#include "dataplane/state/image_checks.h"

namespace cardea::dataplane {
namespace {

using cardea::Protocol;

std::vector<IpAddress> addresses_of(const flatbuffers::Vector<const image::Address*>* addresses) {
  std::vector<IpAddress> out;
  if (addresses)
    for (const image::Address* address : *addresses) out.push_back(address_of(*address));
  return out;
}

std::vector<Prefix> prefixes_of(const flatbuffers::Vector<const image::Prefix*>* prefixes) {
  std::vector<Prefix> out;
  if (prefixes)
    for (const image::Prefix* prefix : *prefixes) out.push_back({address_of(prefix->address()), prefix->length()});
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
          .door = door_of(s),
          .own_tcp = s.own_tcp(),
          .floating = prefixes_of(s.floating())};
}

PlanPort port_of(const image::Port& p, const std::vector<IpAddress>& nat_addresses) {
  PlanPort port{.name = p.name()->str(),
                .device = p.device()->str(),
                .addresses = prefixes_of(p.addresses()),
                .gateways = addresses_of(p.gateways()),
                .mtu = p.mtu(),
                .shared = p.kernel() == image::KernelSide::device};
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
  const auto image = checked_plan(bytes);
  if (!image) return std::unexpected(image.error());
  const image::Plan& from = **image;

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
  const auto checked = checked_update(bytes, running.settings.backends_max);
  if (!checked) return std::unexpected(checked.error());
  const image::PoolUpdate& update = **checked;
  if (update.generation() != running.generation)
    return fail(
        fmt::format("the update is for generation {}, but {} is running", update.generation(), running.generation));

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
