// From the kernel's routes and neighbours to the hop table.
#include "dataplane/state/kernel_routes.h"

#include <algorithm>
#include <map>

namespace cardea::dataplane {
namespace {

class Builder {
 public:
  Builder(const Neighbours& neighbours, std::span<const PortLink> links, uint32_t hops_max)
      : neighbours_(neighbours), links_(links), hops_max_(std::min<uint32_t>(hops_max, kNoHop)) {}

  void add(const KernelRoute& route) {
    HopId hop = kNoHop;
    if (route.reachable && route.port < links_.size())
      hop = route.gateway ? gateway(route.port, *route.gateway) : on_link(route.port);
    routes_.push_back({route.destination, hop});
  }

  // A neighbour is reached directly only where the routes say that its network is connected to its own port.
  void add_neighbours() {
    const Routes connected{std::span<const Route>(routes_)};
    neighbours_.each([&](const Neighbours::Key& key, const Neighbours::Entry& entry) {
      if (entry.state == Neighbours::State::kAsked || key.port >= links_.size()) return;
      const HopId way = connected.lookup(key.address);
      if (way == kNoHop || hops_[way].state != HopState::kOnLink || hops_[way].port != key.port) return;
      const HopId hop = gateway(key.port, key.address);
      if (hop != kNoHop) routes_.push_back({{key.address, uint8_t(key.address.is_v4() ? 32 : 128)}, hop});
    });
  }

  // The same next hop with another MTU. Of equal prefixes the first wins, so these stand before the neighbours'.
  void add_path_mtus(const PathMtus& path_mtus) {
    const Routes known{std::span<const Route>(routes_)};
    std::vector<Route> narrower;
    path_mtus.each([&](const IpAddress& destination, uint16_t mtu) {
      const HopId way = known.lookup(destination);
      if (way == kNoHop || hops_[way].mtu <= mtu) return;
      Hop hop = hops_[way];
      hop.mtu = mtu;
      narrower.push_back({{destination, uint8_t(destination.is_v4() ? 32 : 128)}, add_hop(hop)});
    });
    std::erase_if(narrower, [](const Route& route) { return route.hop == kNoHop; });
    routes_.insert(routes_.begin(), narrower.begin(), narrower.end());
  }

  HopTable finish() {
    HopTable table;
    table.hops = std::move(hops_);
    table.routes = Routes(std::span<const Route>(routes_));
    return table;
  }

 private:
  Hop on_port(uint16_t port) const {
    Hop hop;
    hop.port = port;
    hop.source_mac = links_[port].mac;
    hop.mtu = links_[port].mtu;
    return hop;
  }

  HopId add_hop(const Hop& hop) {
    if (hops_.size() >= hops_max_) return kNoHop;
    hops_.push_back(hop);
    return HopId(hops_.size() - 1);
  }

  HopId on_link(uint16_t port) {
    const auto [at, fresh] = on_link_.try_emplace(port, kNoHop);
    if (!fresh) return at->second;
    Hop hop = on_port(port);
    hop.state = HopState::kOnLink;
    return at->second = add_hop(hop);
  }

  HopId gateway(uint16_t port, const IpAddress& address) {
    const auto [at, fresh] = direct_.try_emplace(Neighbours::Key{port, address}, kNoHop);
    if (!fresh) return at->second;
    Hop hop = on_port(port);
    hop.address = address;
    if (const Neighbours::Entry* known = neighbours_.find({port, address}); known != nullptr) {
      if (known->state == Neighbours::State::kFailed) hop.state = HopState::kFailed;
      if (known->state == Neighbours::State::kResolved)
        hop.state = HopState::kResolved, hop.destination_mac = known->mac;
    }
    return at->second = add_hop(hop);
  }

  const Neighbours& neighbours_;
  std::span<const PortLink> links_;
  uint32_t hops_max_;
  std::vector<Hop> hops_;
  std::vector<Route> routes_;
  std::map<uint16_t, HopId> on_link_;
  std::map<Neighbours::Key, HopId> direct_;
};

}  // namespace

HopTable build_hop_table(std::span<const KernelRoute> routes, const Neighbours& neighbours,
                         std::span<const PortLink> links, uint32_t hops_max, const PathMtus& path_mtus) {
  std::vector<KernelRoute> ordered(routes.begin(), routes.end());
  std::ranges::stable_sort(ordered, {}, &KernelRoute::metric);  // of equal prefixes the first wins
  Builder builder(neighbours, links, hops_max);
  for (const KernelRoute& route : ordered) builder.add(route);
  builder.add_neighbours();
  builder.add_path_mtus(path_mtus);
  return builder.finish();
}

}  // namespace cardea::dataplane
