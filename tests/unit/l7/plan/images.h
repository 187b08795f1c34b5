// Images of L7 plans for tests and fuzzers: a small sound one to change, and the bytes it packs to.
#pragma once

#include <concepts>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ip.h"
#include "l7/plan_generated.h"
#include "l7/plan_schema.h"

namespace cardea::l7::test {

inline image::Address address(const std::string& text) {
  const IpAddress from = IpAddress::parse(text).value();
  return image::Address(flatbuffers::span<const uint8_t, 16>(from.bytes.data(), from.bytes.size()));
}

inline std::unique_ptr<image::BackendT> backend(const std::string& ip, uint16_t port) {
  auto made = std::make_unique<image::BackendT>();
  made->name = ip + ":" + std::to_string(port);
  made->address = std::make_unique<image::Address>(address(ip));
  made->port = port;
  made->weight = 1;
  return made;
}

inline std::unique_ptr<image::PoolT> pool(const std::string& name, image::Balance balance, uint16_t port) {
  auto made = std::make_unique<image::PoolT>();
  made->name = name;
  made->balance = balance;
  made->backends.push_back(backend("127.0.0.1", port));
  if (balance == image::Balance::maglev) made->ring.assign(251, 0);
  return made;
}

inline std::unique_ptr<image::RouteT> route(const std::string& path, uint32_t to_pool, int32_t cache = -1) {
  auto made = std::make_unique<image::RouteT>();
  made->name = path, made->path = path;
  image::ProxyT proxy;
  proxy.shares = {{to_pool, 1}}, proxy.cache = cache;
  made->action.Set(std::move(proxy));
  return made;
}

// A route that answers by itself: image::RedirectT, RespondT or FilesT.
template <typename Action>
  requires std::same_as<Action, image::RedirectT> || std::same_as<Action, image::RespondT> ||
           std::same_as<Action, image::FilesT>
std::unique_ptr<image::RouteT> route(const std::string& path, Action action) {
  auto made = std::make_unique<image::RouteT>();
  made->name = path, made->path = path;
  made->action.Set(std::move(action));
  return made;
}

inline std::unique_ptr<image::ServiceT> service(const std::string& name, image::Mode mode, uint16_t port) {
  auto made = std::make_unique<image::ServiceT>();
  made->name = name, made->mode = mode;
  made->listen.emplace_back(address("127.0.0.1"), port);
  return made;
}

// Pools "web" (maglev) and "mail" (round_robin) on ports 9 and 10, cache "edge", an http service "shop" with the routes
// "/" and "/cached/", a tcp service "smtp"; on one shard.
inline image::PlanT plan(uint64_t generation = 1) {
  image::PlanT made;
  made.schema = kPlanSchema, made.generation = generation, made.cluster = "test";
  made.settings = std::make_unique<image::SettingsT>();
  made.settings->shards = {0};
  made.pools.push_back(pool("web", image::Balance::maglev, 9));
  made.pools.push_back(pool("mail", image::Balance::round_robin, 10));
  auto cache = std::make_unique<image::CacheT>();
  cache->name = "edge", cache->memory_bytes = 1 << 20;
  made.caches.push_back(std::move(cache));
  made.services.push_back(service("shop", image::Mode::http, 30080));
  made.services[0]->routes.push_back(route("/", 0));
  made.services[0]->routes.push_back(route("/cached/", 0, 0));
  made.services.push_back(service("smtp", image::Mode::tcp, 30025));
  made.services[1]->pool = 1;
  return made;
}

inline std::vector<std::byte> bytes_of(const flatbuffers::FlatBufferBuilder& builder) {
  const auto* from = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {from, from + builder.GetSize()};
}

inline std::vector<std::byte> packed(const image::PlanT& plan) {
  flatbuffers::FlatBufferBuilder builder;
  image::FinishPlanBuffer(builder, image::Plan::Pack(builder, &plan));
  return bytes_of(builder);
}

inline std::vector<std::byte> packed(const image::PoolUpdateT& update) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(image::PoolUpdate::Pack(builder, &update), kPoolUpdateIdentifier);
  return bytes_of(builder);
}

}  // namespace cardea::l7::test
