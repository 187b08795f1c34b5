#include "mgmt/compile_l4.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "conf/pool_use.h"
#include "dataplane/plan_generated.h"
#include "dataplane/plan_schema.h"

namespace cardea::mgmt {
namespace {

namespace image = dataplane::image;
using Builder = flatbuffers::FlatBufferBuilder;
template <typename T>
using Offset = flatbuffers::Offset<T>;
using RingOffsets = std::unordered_map<const Ring*, Offset<flatbuffers::Vector<uint16_t>>>;

image::Address address(const IpAddress& from) {
  return image::Address(flatbuffers::span<const uint8_t, 16>(from.bytes.data(), from.bytes.size()));
}

std::vector<image::Address> addresses(std::span<const IpAddress> from) {
  std::vector<image::Address> to;
  for (const auto& one : from) to.push_back(address(one));
  return to;
}

image::BackendState state(State from) {
  switch (from) {
    case State::kUp:
      return image::BackendState::up;
    case State::kDown:
      return image::BackendState::down;
    case State::kDrain:
      return image::BackendState::drain;
    case State::kMaint:
      return image::BackendState::maint;
  }
  return image::BackendState::maint;
}

image::Checksums checksums(conf::Checksums from) {
  switch (from) {
    case conf::Checksums::kNone:
      return image::Checksums::none;
    case conf::Checksums::kHeaders:
      return image::Checksums::headers;
    case conf::Checksums::kFull:
      return image::Checksums::full;
  }
  return image::Checksums::full;
}

image::Forward forward(conf::Forward from) {
  return from == conf::Forward::kIpip ? image::Forward::ipip : image::Forward::fullnat;
}

std::vector<image::Prefix> prefixes(const std::vector<Prefix>& from) {
  std::vector<image::Prefix> to;
  for (const auto& one : from) to.emplace_back(address(one.address), one.length);
  return to;
}

Offset<image::Port> write_port(Builder& builder, const conf::Port& port) {
  const auto own = prefixes(port.addresses);
  const auto gateways = addresses(port.gateways);
  return image::CreatePortDirect(
      builder, port.name.c_str(), port.device.c_str(), &own, &gateways, port.mtu,
      conf::kernel_of(port) == conf::PortKernel::kInterface ? image::KernelSide::device : image::KernelSide::tap);
}

Offset<image::Settings> write_settings(Builder& builder, const conf::Dataplane& from, bool own_tcp) {
  const auto milliseconds = [](conf::milliseconds time) { return uint32_t(time.count()); };
  const auto workers = builder.CreateVector(from.workers);
  const auto nat_addresses = builder.CreateVectorOfStructs(addresses(from.nat.addresses));
  const auto door_ports = builder.CreateVector(from.door.ports);
  const auto floating = prefixes(from.floating);
  return image::CreateSettings(
      builder, workers, from.poll == conf::Poll::kBusy ? image::Poll::busy : image::Poll::adaptive, from.flows,
      nat_addresses, from.nat.port_first, from.nat.port_last, checksums(from.checksums),
      milliseconds(from.timeouts.tcp_syn), milliseconds(from.timeouts.tcp_established),
      milliseconds(from.timeouts.tcp_closing), milliseconds(from.timeouts.udp), from.services_max, from.backends_max,
      from.neighbours_max, uint32_t(from.door.rate), door_ports, from.door.other_hosts, own_tcp,
      builder.CreateVectorOfStructs(floating));
}

Offset<image::Backend> write_backend(Builder& builder, const conf::Backend& backend, const Standing& standing) {
  const auto where = address(backend.address.address);
  return image::CreateBackend(builder, builder.CreateString(backend.address.text()), &where, backend.address.port,
                              standing.weight, state(standing.used_state()));
}

// Pools with the same backends and weights share one ring in the image.
Offset<image::Pool> write_pool(Builder& builder, const conf::Pool& pool, const PoolState& now, RingOffsets& rings) {
  std::vector<Offset<image::Backend>> backends;
  for (size_t i = 0; i < pool.backends.size(); ++i)
    backends.push_back(write_backend(builder, pool.backends[i], now.backends[i]));
  auto& ring = rings[now.ring.get()];
  if (ring.IsNull()) ring = builder.CreateVector(now.ring->slots);
  return image::CreatePool(builder, builder.CreateString(pool.name), builder.CreateVector(backends), ring);
}

std::vector<image::Listen> listens(const conf::Service& service) {
  std::vector<image::Listen> listen;
  for (const auto& one : service.listen)
    listen.emplace_back(address(one.endpoint.address), one.endpoint.port, image::Protocol(one.protocol));
  return listen;
}

Offset<image::Service> write_service(Builder& builder, const conf::Service& service, uint32_t pool) {
  const auto listen = listens(service);
  return image::CreateServiceDirect(builder, service.name.c_str(), &listen, forward(service.forward), pool);
}

bool is_loopback(const IpAddress& address) {
  if (address.is_v4()) return address.v4_data()[0] == 127;
  return address == IpAddress::parse("::1").value();
}

// The addresses of a tcp or http service that clients reach through the ports; nothing when there is none.
std::optional<Offset<image::Service>> write_local(Builder& builder, conf::Service service, image::Forward forward) {
  std::erase_if(service.listen, [](const auto& listen) { return is_loopback(listen.endpoint.address); });
  if (service.listen.empty()) return std::nullopt;
  const auto listen = listens(service);
  return image::CreateServiceDirect(builder, service.name.c_str(), &listen, forward);
}

image::Forward forward_of(const conf::Config& config, const conf::Service& service) {
  return conf::transport_of(config, service) == conf::Transport::kUserspace ? image::Forward::shard
                                                                            : image::Forward::local;
}

std::vector<Offset<image::Service>> write_services(Builder& builder, const conf::Config& config,
                                                   std::span<const size_t> pools) {
  std::unordered_map<std::string_view, uint32_t> index_of;
  for (uint32_t i = 0; i < pools.size(); ++i) index_of[config.pools[pools[i]].name] = i;
  std::vector<Offset<image::Service>> services;
  for (const auto& service : config.services) {
    if (service.mode == conf::Mode::kL4) {
      services.push_back(write_service(builder, service, index_of.at(service.pool)));
    } else if (const auto local = write_local(builder, service, forward_of(config, service))) {
      services.push_back(*local);
    }
  }
  return services;
}

// Enough that the builder, which doubles and copies, seldom has to grow; too much costs only address space.
size_t bytes_expected(const conf::Config& config, std::span<const PoolState> states, std::span<const size_t> pools) {
  std::unordered_map<const Ring*, size_t> rings;
  size_t bytes = 16384 + config.services.size() * 256;
  for (const size_t i : pools) {
    rings[states[i].ring.get()] = states[i].ring->slots.size() * sizeof(uint16_t) + 64;
    bytes += 256 + config.pools[i].backends.size() * 128;
  }
  for (const auto& [ring, size] : rings) bytes += size;
  return bytes;
}

std::vector<Offset<image::Pool>> write_pools(Builder& builder, const conf::Config& config,
                                             std::span<const PoolState> states, std::span<const size_t> pools) {
  RingOffsets rings;
  std::vector<Offset<image::Pool>> written;
  for (const size_t i : pools) written.push_back(write_pool(builder, config.pools[i], states[i], rings));
  return written;
}

}  // namespace

std::vector<size_t> l4_pools(const conf::Config& config) {
  const conf::PoolUses uses(config);
  std::vector<size_t> indices;
  for (size_t i = 0; i < config.pools.size(); ++i)
    if (uses.of(config.pools[i].name).l4) indices.push_back(i);
  return indices;
}

Result<Image> compile_l4(const conf::Config& config, std::span<const PoolState> states, uint64_t generation) {
  if (!config.dataplane)
    return fail("the file has no `dataplane` section: nothing says which ports and cores to use", Origin::kOperator);
  const auto pools = l4_pools(config);
  const size_t expected = bytes_expected(config, states, pools);
  if (expected > dataplane::kPlanBytesMax)
    return fail(fmt::format("the plan would need about {} MB, at most {} are possible: use a smaller ring_size",
                            expected >> 20, dataplane::kPlanBytesMax >> 20),
                Origin::kOperator);
  Builder builder(expected);
  const auto written_pools = builder.CreateVector(write_pools(builder, config, states, pools));
  const auto services = builder.CreateVector(write_services(builder, config, pools));
  std::vector<Offset<image::Port>> ports;
  for (const auto& port : config.dataplane->ports) ports.push_back(write_port(builder, port));
  const auto written_ports = builder.CreateVector(ports);
  const auto settings = write_settings(builder, *config.dataplane, conf::uses_own_tcp(config));
  const HashKey key = hash_key(config.cluster);
  image::FinishPlanBuffer(
      builder, image::CreatePlan(builder, dataplane::kPlanSchema, builder.CreateString(dataplane::kPlanVersion),
                                 generation, builder.CreateString(config.cluster.name), key.k0, key.k1, settings,
                                 written_ports, written_pools, services));
  return builder.Release();
}

Image compile_l4_update(const conf::Config& config, std::span<const PoolState> states, std::span<const size_t> pools,
                        uint64_t generation) {
  Builder builder(bytes_expected(config, states, pools));
  const auto written = builder.CreateVector(write_pools(builder, config, states, pools));
  builder.Finish(image::CreatePoolUpdate(builder, dataplane::kPlanSchema, builder.CreateString(dataplane::kPlanVersion),
                                         generation, written),
                 dataplane::kPoolUpdateIdentifier);
  return builder.Release();
}

}  // namespace cardea::mgmt
