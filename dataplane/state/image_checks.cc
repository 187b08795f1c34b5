#include "dataplane/state/image_checks.h"

#include <fmt/format.h>

#include <set>
#include <tuple>

#include "base/maglev.h"
#include "dataplane/plan_schema.h"
#include "dataplane/state/live_plan.h"

namespace cardea::dataplane {

IpAddress address_of(const image::Address& address) {
  return IpAddress::v6_bytes(address.bytes()->data());
}

namespace {

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

bool has_pool(image::Forward forward) {
  return forward == image::Forward::fullnat || forward == image::Forward::ipip;
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
    if (has_pool(service->forward()) && service->pool() >= plan.pools()->size())
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

// The first of them; nullptr: none is.
const image::Prefix* too_long(const flatbuffers::Vector<const image::Prefix*>* prefixes) {
  if (prefixes)
    for (const image::Prefix* prefix : *prefixes)
      if (prefix->length() > (address_of(prefix->address()).is_v4() ? 32 : 128)) return prefix;
  return nullptr;
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
    if (const image::Prefix* prefix = too_long(port->addresses()))
      return fail(
          fmt::format("port \"{}\" has an address with prefix length {}", port->name()->str(), prefix->length()));
  if (const image::Prefix* prefix = too_long(s.floating()))
    return fail(fmt::format("floating addresses with prefix length {}", prefix->length()));
  return {};
}

template <typename Root>
Result<const Root*> verified(Bytes bytes, const char* identifier, const char* noun) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  if (bytes.size() > kPlanBytesMax) return fail(fmt::format("not {}: {} bytes", noun, bytes.size()));
  if (auto ok = check_plan_schema(bytes, identifier); !ok) return std::unexpected(ok.error());
  flatbuffers::Verifier verifier(data, bytes.size(), 64, 100'000'000);
  if (!verifier.VerifyBuffer<Root>(identifier))
    return fail(fmt::format("{} is damaged: it points outside itself", noun));
  return flatbuffers::GetRoot<Root>(data);
}

}  // namespace

Result<const image::Plan*> checked_plan(Bytes bytes) {
  const auto plan = verified<image::Plan>(bytes, kPlanIdentifier, "a plan");
  if (!plan) return plan;
  if (auto ok = check_settings(**plan); !ok) return std::unexpected(ok.error());
  if (auto ok = check_pools(*(*plan)->pools(), (*plan)->settings()->backends_max()); !ok)
    return std::unexpected(ok.error());
  if (auto ok = check_services(**plan); !ok) return std::unexpected(ok.error());
  return plan;
}

Result<const image::PoolUpdate*> checked_update(Bytes bytes, uint32_t backends_max) {
  const auto update = verified<image::PoolUpdate>(bytes, kPoolUpdateIdentifier, "an update of pools");
  if (!update) return update;
  if (auto ok = check_pools(*(*update)->pools(), backends_max); !ok) return std::unexpected(ok.error());
  return update;
}

}  // namespace cardea::dataplane
