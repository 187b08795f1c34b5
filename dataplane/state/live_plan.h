// What the workers run: a plan's image verified and turned into tables that a packet can be looked up in. Immutable
// once built. Pools are shared between plans, so an update of one pool's health copies that pool and the slot table and
// nothing else. An image that is damaged, of another schema or beyond a limit is refused whole, with a sentence that
// names the cause.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/flow_hash.h"
#include "base/ip.h"
#include "base/l7_door_socket.h"
#include "dataplane/plan_generated.h"
#include "dataplane/state/listen_table.h"
#include "dataplane/state/slots.h"

namespace cardea::dataplane {

struct PlanPort {
  std::string name, device;
  std::vector<Prefix> addresses;
  std::vector<IpAddress> gateways;
  uint16_t mtu = 1500;
  bool shared = false;                    // its interface is the kernel's too, and there is no TAP
  std::vector<IpAddress> nat_v4, nat_v6;  // NAT sources of flows that leave by this port
  IpAddress own_v4, own_v6;               // outer sources; unspecified when it has none of that family
  bool has_v4 = false, has_v6 = false;
};

struct Timeouts {
  uint32_t tcp_syn_ms = 60000, tcp_established_ms = 900000, tcp_closing_ms = 10000, udp_ms = 30000;
};

// What this host's kernel gets of what is not for a service.
struct DoorSettings {
  uint32_t rate = 20'000;               // packets a second that it did not ask for
  std::vector<uint16_t> host_ports_be;  // TCP and UDP ports of its own that come first
  bool other_hosts = false;             // also what is for another link address

  bool is_host_port(uint16_t port_be) const {
    for (const uint16_t one : host_ports_be)
      if (one == port_be) return true;
    return false;
  }
};

struct PlanSettings {
  std::vector<uint16_t> workers;
  image::Poll poll{};
  uint64_t flows = 0;
  std::vector<IpAddress> nat_addresses;
  uint16_t nat_port_first = 1024, nat_port_last = 32767;
  image::Checksums checksums{};
  Timeouts timeouts;
  uint32_t services_max = 0, backends_max = 0, neighbours_max = 0;
  DoorSettings door;
  bool own_tcp = false;  // some of the TCP ports of ports' addresses are cardea-l7's
  std::vector<Prefix> floating;  // services' addresses in these are set by others
};

struct PlanBackend {
  std::string name;
  SlotId slot = kNoSlot;
  uint32_t weight = 0;
  image::BackendState state{};
};

struct LivePool {
  std::string name;
  std::vector<PlanBackend> backends;
  std::vector<SlotId> ring;  // slot of the ring → slot of the backend, kNoSlot where none can serve
};

// What the path needs to know about a backend; one cache line.
struct alignas(64) LiveSlot {
  IpAddress address;
  TrafficCells cells;
  uint16_t port_be = 0;
  uint8_t family = 0;      // 4 or 6; 0: not in use
  bool keeps_old = false;  // flows go on whatever they carry; otherwise UDP and new handshakes choose again
};

struct LiveService {
  std::string name;
  image::Forward forward{};
  uint32_t pool = 0;  // index in LivePlan::pools
  TrafficCells cells;
  std::vector<ListenEntry> listens;
  bool used = false;
};

struct LivePlan {
  uint64_t generation = 0;
  std::string cluster;
  HashKey hash_key;
  PlanSettings settings;
  std::vector<PlanPort> ports;
  std::vector<std::shared_ptr<const LivePool>> pools;
  std::shared_ptr<const std::vector<LiveService>> services;  // by ServiceId
  std::shared_ptr<const ListenTable> listen_table;
  std::vector<LiveSlot> slots;  // by SlotId; also those that only flows still use

  std::vector<NatSource> nat_sources;  // the ports', and those that only flows still use

  // Where answers to what cardea-l7 dials by its own TCP come to; the address has to be a port's.
  bool is_dialled_from(Protocol protocol, uint16_t port) const {
    return settings.own_tcp && protocol == Protocol::kTcp && DoorPorts{}.covers(port);
  }
  bool is_nat_port(uint16_t port) const { return port >= settings.nat_port_first && port <= settings.nat_port_last; }
};

// Verifies and builds. `registry` gives numbers to the image's backends and services; after a refusal, call its
// forget_plan(), keep(running plan), free_unused().
Result<std::unique_ptr<const LivePlan>> build_live_plan(Bytes image, SlotRegistry& registry);

// The running plan with some pools replaced. An Error when the update is for another generation or an unknown pool.
Result<std::unique_ptr<const LivePlan>> update_pools(const LivePlan& running, Bytes image, SlotRegistry& registry);

// Whether `next` may follow `running` without a restart; the Error says which setting needs one.
Result<> check_reloadable(const LivePlan& running, const LivePlan& next);

// The same plan where NAT addresses whose last flow ended are nobody's any more; nullptr when there are none such.
std::unique_ptr<const LivePlan> without_unused_nat_sources(const LivePlan& running, const SlotRegistry& registry);

// Marks in the registry everything this plan uses.
void keep(const LivePlan& plan, SlotRegistry& registry);

}  // namespace cardea::dataplane
