// Building the site: image, registry, hops and worker in the order in which the process does it.
#include "tests/packets/site.h"

#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>

#include "base/check.h"
#include "base/maglev.h"
#include "dataplane/plan_schema.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {
namespace {

image::Address wire_address(const std::string& text) {
  const IpAddress address = IpAddress::parse(text).value();
  return image::Address(flatbuffers::span<const uint8_t, 16>(address.bytes));
}

std::unique_ptr<image::PoolT> pool(const std::string& name, const std::string& prefix, uint32_t backends) {
  auto pool = std::make_unique<image::PoolT>();
  pool->name = name;
  std::vector<RingMember> members;
  const bool v6 = prefix.find(':') != std::string::npos;
  for (uint32_t i = 0; i < backends; ++i) {
    auto backend = std::make_unique<image::BackendT>();
    const std::string address = v6 ? fmt::format("{}{:x}", prefix, 0x11 + i) : fmt::format("{}{}", prefix, 11 + i);
    backend->name = v6 ? fmt::format("[{}]:8080", address) : address + ":8080";
    backend->address = std::make_unique<image::Address>(wire_address(address));
    backend->port = 8080;
    backend->weight = 1;
    members.push_back({ring_member_key({1, 2}, backend->name), 1});
    pool->backends.push_back(std::move(backend));
  }
  pool->ring = build_ring(members).value();
  return pool;
}

std::unique_ptr<image::ServiceT> service(const std::string& name, const std::string& address, image::Forward forward,
                                         uint32_t pool_index) {
  auto service = std::make_unique<image::ServiceT>();
  service->name = name;
  service->forward = forward;
  service->pool = pool_index;
  service->listen.emplace_back(wire_address(address), 80, image::Protocol::tcp);
  service->listen.emplace_back(wire_address(address), 53, image::Protocol::udp);
  return service;
}

void* huge_or_small(size_t& size) {
  constexpr size_t kHuge = size_t{2} << 20;
  size = (size + kHuge - 1) / kHuge * kHuge;
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
  if (at == MAP_FAILED) at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(at != MAP_FAILED, "no memory for the flow table");
  return at;
}

}  // namespace

namespace {

bool huge_pages_free() {
  std::ifstream file("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
  int free = 0;
  return file >> free && free >= 64;
}

}  // namespace

void start_eal(bool huge_pages) {
  static const bool started = [&] {
    std::vector<const char*> words{"test", "--no-pci", "--no-shconf", "--no-telemetry", "-l", "0", "--log-level=error"};
    if (huge_pages && huge_pages_free())
      words.insert(words.end(), {"--in-memory", "-m", "64"});
    else
      words.insert(words.end(), {"--no-huge", "-m", "256"});
    std::vector<char*> argv;
    for (const char* word : words) argv.push_back(const_cast<char*>(word));
    CHECK(rte_eal_init(int(argv.size()), argv.data()) >= 0, "DPDK does not start");
    return true;
  }();
  (void)started;
}

rte_mempool* packet_pool() {
  start_eal();
  static rte_mempool* pool = rte_pktmbuf_pool_create("packets", 4095, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
  CHECK(pool != nullptr);
  return pool;
}

image::PlanT plan_of(const SiteOptions& options) {
  image::PlanT plan;
  plan.schema = kPlanSchema;
  plan.generation = 7;
  plan.cluster = "test";
  plan.hash_key_0 = 1, plan.hash_key_1 = 2;
  plan.settings = std::make_unique<image::SettingsT>();
  plan.settings->workers = {0};
  plan.settings->flows = options.flows;
  plan.settings->nat_port_first = options.nat_port_first;
  plan.settings->nat_port_last = options.nat_port_last;
  plan.settings->checksums = options.checksums;
  auto port = std::make_unique<image::PortT>();
  port->name = "wan";
  port->device = "net_null0";
  port->mtu = options.mtu;
  port->addresses = {{wire_address("10.0.0.1"), 24}, {wire_address("fd00::1"), 64}};
  if (options.lan) {
    auto lan = std::make_unique<image::PortT>(*port);
    lan->name = "lan";
    lan->device = "net_null1";
    port->addresses = {{wire_address("192.0.2.1"), 24}, {wire_address("2001:db8:2::1"), 64}};
    plan.ports.push_back(std::move(port));
    port = std::move(lan);
  }
  plan.ports.push_back(std::move(port));
  for (const std::string& address : options.nat_addresses)
    plan.settings->nat_addresses.push_back(wire_address(address));
  plan.pools.push_back(pool("v4", "10.0.0.", options.backends));
  plan.pools.push_back(pool("v6", "fd00::", options.backends));
  plan.services.push_back(service("nat4", "203.0.113.1", image::Forward::fullnat, 0));
  plan.services.push_back(service("nat6", "2001:db8::1", image::Forward::fullnat, 1));
  plan.services.push_back(service("tunnel4", "203.0.113.2", image::Forward::ipip, 0));
  plan.services.push_back(service("tunnel6", "2001:db8::2", image::Forward::ipip, 1));
  plan.services.push_back(service("local4", "203.0.113.3", image::Forward::local, 0));
  plan.services.push_back(service("local6", "2001:db8::3", image::Forward::local, 0));
  if (options.shards == 0) return plan;
  plan.settings->own_tcp = true;
  for (const auto& [name, address] : {std::pair{"shard4", "203.0.113.4"}, {"shard6", "2001:db8::4"}}) {
    plan.services.push_back(service(name, address, image::Forward::shard, 0));
    plan.services.back()->listen.pop_back();
  }
  return plan;
}

namespace {

std::vector<std::byte> bytes_of(const flatbuffers::FlatBufferBuilder& builder) {
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {bytes, bytes + builder.GetSize()};
}

}  // namespace

std::vector<std::byte> packed(const image::PlanT& plan) {
  flatbuffers::FlatBufferBuilder builder;
  image::FinishPlanBuffer(builder, image::Plan::Pack(builder, &plan));
  return bytes_of(builder);
}

std::vector<std::byte> packed(const image::PoolUpdateT& update) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(image::PoolUpdate::Pack(builder, &update), kPoolUpdateIdentifier);
  return bytes_of(builder);
}

image::PoolUpdateT pool_update(const std::string& name, uint32_t backends, image::BackendState state) {
  image::PoolUpdateT update;
  update.schema = kPlanSchema;
  update.generation = 7;
  update.pools.push_back(pool(name, name == "v6" ? "fd00::" : "10.0.0.", backends));
  for (auto& backend : update.pools[0]->backends) backend->state = state;
  if (state != image::BackendState::up) update.pools[0]->ring.assign(update.pools[0]->ring.size(), kRingEmpty);
  return update;
}

Site::Site(const SiteOptions& options) {
  static std::atomic<int> made{0};
  stats_path_ = fmt::format("/dev/shm/cardea-test-{}-{}.stats", getpid(), made++);
  segment = std::make_unique<stats::Segment>(stats::Segment::create(stats_path_, 2, 4096, 8192).value());
  registry = std::make_unique<SlotRegistry>(*segment, 4096, 65536);
  auto built = build_live_plan(plan_image(options), *registry);
  CHECK(built.has_value(), "the site's plan is refused");
  plan = std::move(*built);
  const std::string ports[] = {"wan", "lan"};
  path_cells = add_path_rows(*segment, ports).value();
  hops.hops.push_back({{2, 0, 0, 0, 0, 1},
                       {2, 0, 0, 0, 0, 2},
                       0,
                       options.mtu,
                       HopState::kResolved,
                       IpAddress::parse("10.0.0.254").value()});
  routes_.push_back({Prefix::parse("0.0.0.0/0").value(), 0});
  routes_.push_back({Prefix::parse("::/0").value(), 0});
  for (const LiveSlot& slot : plan->slots) {
    routes_.push_back({{slot.address, uint8_t(slot.family == 4 ? 32 : 128)}, HopId(hops.hops.size())});
    hops.hops.push_back({{2, 0, 0, 0, 1, uint8_t(hops.hops.size())},
                         {2, 0, 0, 0, 0, 2},
                         uint16_t(options.lan),
                         options.mtu,
                         HopState::kResolved,
                         slot.address});
  }
  hops.routes = Routes(routes_);
  for (const LiveSlot& slot : plan->slots) hops.slot_hops.push_back(hops.routes.lookup(slot.address));
  worker.plan = plan.get();
  worker.hops = &hops;
  worker.now_ms = 1000;
  memory_size_ = FlowTable::bytes_needed(options.flows);
  memory_ = huge_or_small(memory_size_);
  worker.flows = FlowTable(options.flows, {static_cast<std::byte*>(memory_), FlowTable::bytes_needed(options.flows)});
  worker.nat_ports = NatPorts(options.nat_port_first, options.nat_port_last, 1, 0);
  worker.cells = segment->cells(0);
  worker.path_cells = &path_cells;
  worker.pool = packet_pool();
  worker.l7 = &l7;
  if (options.shards != 0) attach(options.shards);
}

Site::~Site() {
  munmap(memory_, memory_size_);
  unlink(stats_path_.c_str());
}

L7Instance& Site::attach(uint32_t shards) {
  const uint32_t number = l7.by_number[0] == nullptr ? 0 : 1;
  CHECK(l7.by_number[number] == nullptr, "two are attached already");
  l7.left[number] = Left::kNever;
  l7.by_number[number] = L7Instance::create(number, 1, shards, 1 << 20).value();
  l7.older = std::exchange(l7.newest, l7.by_number[number].get());
  return *l7.newest;
}

void Site::detach(const L7Instance& instance, Left how) {
  l7.left[instance.number()] = how;
  if (l7.newest == &instance) l7.newest = l7.older;
  l7.older = nullptr;
  l7.by_number[instance.number()] = nullptr;
}

void Site::update(const image::PoolUpdateT& update) {
  auto next = update_pools(*plan, packed(update), *registry);
  CHECK(next.has_value(), "the update is refused");
  plan = std::move(*next);
  worker.plan = plan.get();
}

void Site::reload(const image::PlanT& wanted) {
  auto next = build_live_plan(packed(wanted), *registry);
  CHECK(next.has_value(), "the plan is refused");
  plan = std::move(*next);
  worker.plan = plan.get();
  registry->forget_plan();
  keep(*plan, *registry);
  registry->free_unused();
}

void Site::route(const std::string& prefix, const Hop& hop) {
  routes_.insert(routes_.begin(), {Prefix::parse(prefix).value(), HopId(hops.hops.size())});
  hops.hops.push_back(hop);
  hops.routes = Routes(routes_);
  for (SlotId slot = 0; slot < hops.slot_hops.size(); ++slot)
    hops.slot_hops[slot] = hops.routes.lookup(plan->slots[slot].address);
  ++hops.generation;
}

void Site::resolve(HopState state) {
  for (size_t i = 1; i < hops.hops.size(); ++i) hops.hops[i].state = state;
  ++hops.generation;
}

FlowTuple tuple(const std::string& source, const std::string& destination, Protocol protocol) {
  const Endpoint s = Endpoint::parse(source).value(), d = Endpoint::parse(destination).value();
  return {s.address, d.address, __builtin_bswap16(s.port), __builtin_bswap16(d.port), protocol};
}

std::vector<std::byte> frame(const FrameSpec& spec) {
  const FlowTuple& t = spec.tuple;
  const bool v4 = t.source.is_v4(), tcp = t.protocol == Protocol::kTcp;
  const uint16_t l3 = v4 ? 20 : 40, l4 = tcp ? 20 : 8, body = uint16_t(l4 + spec.payload);
  std::vector<std::byte> bytes(size_t{14} + l3 + body, std::byte{0});
  std::byte *ip = bytes.data() + 14, *header = ip + l3;
  store_be16(bytes.data() + 12, v4 ? 0x0800 : 0x86dd);
  ip[0] = std::byte(v4 ? 0x45 : 0x60);
  const size_t address_size = v4 ? 4 : 16, skip = 16 - address_size, at = v4 ? 12 : 8;
  std::memcpy(ip + at, t.source.bytes.data() + skip, address_size);
  std::memcpy(ip + at + address_size, t.destination.bytes.data() + skip, address_size);
  if (v4) {
    store_be16(ip + 2, uint16_t(l3 + body));
    store_be16(ip + 6, 0x4000);
    ip[8] = std::byte(spec.ttl), ip[9] = std::byte(t.protocol);
    store_be16(ip + 10, internet_checksum({ip, 20}));
  } else {
    store_be16(ip + 4, body);
    ip[6] = std::byte(t.protocol), ip[7] = std::byte(spec.ttl);
  }
  store_native(header, t.source_port_be);
  store_native(header + 2, t.destination_port_be);
  if (tcp)
    header[12] = std::byte{0x50}, header[13] = std::byte(spec.tcp_flags), store_be32(header + 4, spec.sequence),
    store_be32(header + 8, spec.acknowledgement);
  else
    store_be16(header + 4, body);
  for (uint16_t i = 0; i < spec.payload; ++i) header[l4 + i] = std::byte(i);
  const uint16_t of_addresses = uint16_t(~internet_checksum({ip + at, 2 * address_size}));
  const uint16_t sum = internet_checksum({header, body}, of_addresses + uint32_t(t.protocol) + body);
  store_be16(header + (tcp ? 16 : 6), !tcp && sum == 0 ? 0xffff : sum);
  return bytes;
}

rte_mbuf* packet(const std::vector<std::byte>& bytes) {
  rte_mbuf* packet = rte_pktmbuf_alloc(packet_pool());
  CHECK(packet != nullptr);
  std::memcpy(rte_pktmbuf_append(packet, uint16_t(bytes.size())), bytes.data(), bytes.size());
  return packet;
}

}  // namespace cardea::dataplane::test
