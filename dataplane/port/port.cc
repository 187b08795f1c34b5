// Opening and closing DPDK ports.
#define ALLOW_EXPERIMENTAL_API  // rte_dev_event_callback_register
#include "dataplane/port/port.h"

#include <dirent.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>

#include "base/log.h"
#include "dataplane/port/host_interface.h"
#include "dataplane/port/packet_pool.h"
#include "dataplane/port/rss.h"
#include "dataplane/xdp/attachment.h"
#include "dataplane/xdp/filter.h"

namespace cardea::dataplane {
namespace {

std::unexpected<Error> refuse(const PortRequest& request, std::string_view what, int number) {
  return fail(fmt::format("port {} (device \"{}\"): {}: {}", request.name, request.device, what,
                          rte_strerror(std::abs(number))));
}

// The driver's sockets that packets come through. DPDK does not tell them; the kernel does, by their address family.
std::set<int> packet_sockets() {
  std::set<int> found;
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return found;
  while (const dirent* entry = ::readdir(directory)) {
    const int fd = std::atoi(entry->d_name);
    int domain = 0;
    socklen_t length = sizeof domain;
    if (fd > 0 && ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 &&
        (domain == AF_PACKET || domain == AF_XDP))
      found.insert(fd);
  }
  ::closedir(directory);
  return found;
}

constexpr uint32_t kFrameOverhead = 64;  // Ethernet, two VLAN tags, and alignment

// A worker that shares its core is away for tens of milliseconds now and then. The af_xdp driver gives the kernel 2,048
// buffers to fill whatever is asked for; a receive ring as long lets it use them all.
uint16_t descriptors_of(const Device& device) {
  return device.kind == Device::Kind::kAfXdp ? kXdpDescriptors : kDescriptors;
}

// By DPDK's interrupt thread. A device that was removed stays so, whatever else its driver says.
int note_fate(uint16_t, rte_eth_event_type event, void* port_fate, void*) {
  auto& fate = *static_cast<std::atomic<Fate>*>(port_fate);
  Fate there = Fate::kThere;
  if (event == RTE_ETH_EVENT_INTR_RMV)
    fate.store(Fate::kRemoved);
  else
    fate.compare_exchange_strong(there, Fate::kReset);
  return 0;
}

// Of a card that is to leave its slot: who pulls it waits until we have let it go.
void note_request(const char*, rte_dev_event_type event, void* port_fate) {
  if (event == RTE_DEV_EVENT_REMOVE) static_cast<std::atomic<Fate>*>(port_fate)->store(Fate::kRemoved);
}

constexpr rte_eth_event_type kFateEvents[] = {RTE_ETH_EVENT_INTR_RESET, RTE_ETH_EVENT_INTR_RMV};

bool tells_removal(const rte_eth_dev_info& info) {
  return info.dev_flags != nullptr && (*info.dev_flags & RTE_ETH_DEV_INTR_RMV) != 0;
}

class Opening {
 public:
  Opening(const PortRequest& request, Device device, uint16_t queues, rte_mempool* pool)
      : request_(request), pool_(pool), sockets_(packet_sockets()) {
    port_.index = request.index;
    port_.name = request.name;
    port_.device_text = request.device;
    port_.device = std::move(device);
    port_.queues = queues;
    port_.mtu = request.mtu;
    port_.gathers = port_.device.on_host_interface();
    port_.shared = bool(request.share);
  }

  Result<Port> open() {
    if (auto done = probe(); !done) return std::unexpected(std::move(done).error());
    note_sockets();
    if (auto done = configure(); !done) return std::unexpected(std::move(done).error());
    if (auto done = set_up_queues(); !done) return std::unexpected(std::move(done).error());
    if (const int number = rte_eth_dev_start(port_.id); number != 0) return refuse(request_, "start it", number);
    follow_fate();
    if (auto done = receive_all(); !done) return std::unexpected(std::move(done).error());
    rte_ether_addr mac{};
    if (const int number = rte_eth_macaddr_get(port_.id, &mac); number != 0)
      return refuse(request_, "read its MAC address", number);
    std::memcpy(port_.mac.data(), mac.addr_bytes, port_.mac.size());
    if (port_.spreads_flows) port_.steering = read_steering(port_.id);
    choose_wake();
    return std::move(port_);
  }

 private:
  void follow_fate() {
    for (const rte_eth_event_type event : kFateEvents)
      rte_eth_dev_callback_register(port_.id, event, note_fate, port_.fate.get());
    if (port_.device.kind == Device::Kind::kPci)
      rte_dev_event_callback_register(port_.device.driver.c_str(), note_request, port_.fate.get());
  }

  Result<> probe() {
    int number;
    std::string name = port_.device.driver;
    if (port_.device.kind == Device::Kind::kPci) {
      if (rte_eth_dev_get_port_by_name(name.c_str(), &port_.id) == 0) return {};  // found when DPDK started
      number = rte_eal_hotplug_add("pci", name.c_str(), arguments_text(port_.device.arguments).c_str());
    } else {
      name = vdev_name(port_.device, port_.index);
      const VdevShape shape{.queues = port_.queues, .mtu = request_.mtu, .busy = request_.busy};
      number = rte_eal_hotplug_add("vdev", name.c_str(), vdev_arguments(port_.device, shape).c_str());
    }
    if (number != 0) return refuse(request_, "DPDK finds no such device, or has no driver for it", number);
    if ((number = rte_eth_dev_get_port_by_name(name.c_str(), &port_.id)) != 0)
      return refuse(request_, "the device gives no port", number);
    return {};
  }

  Result<> configure() {
    rte_eth_dev_info info{};
    if (const int number = rte_eth_dev_info_get(port_.id, &info); number != 0)
      return refuse(request_, "ask what it can do", number);
    port_.queues = std::min({port_.queues, info.max_rx_queues, info.max_tx_queues});
    if (port_.queues == 0) return refuse(request_, "it has no queues", ENODEV);
    if (auto done = check_mtu(info); !done) return done;
    rte_eth_conf conf{};
    conf.rxmode.mtu = told_mtu();
    conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_CHECKSUM;
    if (request_.one_pool) conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
    if (port_.queues > 1) spread_by_flows(conf, info);
    port_.spreads_flows = spreads_by_flows(conf) && port_.queues >= request_.workers;
    conf.intr_conf.rxq = port_.device.kind == Device::Kind::kPci && !request_.busy ? 1 : 0;
    conf.intr_conf.rmv = tells_removal(info) ? 1 : 0;
    interrupts_ = conf.intr_conf.rxq != 0;
    int number = rte_eth_dev_configure(port_.id, port_.queues, port_.queues, &conf);
    if (number != 0 && interrupts_) {
      interrupts_ = false, conf.intr_conf.rxq = 0;
      number = rte_eth_dev_configure(port_.id, port_.queues, port_.queues, &conf);
    }
    if (number != 0) return refuse(request_, "configure it", number);
    if (port_.device.on_host_interface()) return {};  // the interface has it already (prepare_host_interface)
    number = rte_eth_dev_set_mtu(port_.id, request_.mtu);
    if (number != 0 && number != -ENOTSUP)
      return refuse(request_, fmt::format("set its MTU to {}", request_.mtu), number);
    return {};
  }

  // A frame is one buffer here. The driver of e1000e cards gives the card powers of two, rounded down; what is larger comes in
  // two pieces, of which nobody is told.
  Result<> check_mtu(const rte_eth_dev_info& info) const {
    if (info.max_mtu != 0 && request_.mtu > info.max_mtu)
      return fail(fmt::format("port {} (device \"{}\"): an MTU of {} is more than its {}", request_.name,
                              request_.device, request_.mtu, info.max_mtu),
                  Origin::kOperator);
    const uint32_t buffer = std::bit_floor(uint32_t{rte_pktmbuf_data_room_size(pool_)} - RTE_PKTMBUF_HEADROOM);
    if (std::string_view(info.driver_name) != "net_e1000_em" || request_.mtu + kFrameOverhead <= buffer) return {};
    return fail(fmt::format("port {} (device \"{}\"): frames of an MTU of {} do not fit the {} bytes that its driver makes of a packet "
                            "buffer: the MTU may be {} there",
                            request_.name, request_.device, request_.mtu, buffer, buffer - kFrameOverhead),
                Origin::kOperator);
  }

  // What else comes in on a shared interface is the kernel's to say.
  Result<> receive_all() const {
    if (port_.shared) return {};
    if (const int number = rte_eth_promiscuous_enable(port_.id); number != 0 && number != -ENOTSUP)
      return refuse(request_, "receive all frames", number);
    (void)rte_eth_allmulticast_enable(port_.id);
    return {};
  }

  // The af_packet driver owns to no more than Ethernet's 1500 bytes, and moves what its rings' frames hold.
  uint16_t told_mtu() const {
    return port_.device.kind == Device::Kind::kAfPacket ? std::min<uint16_t>(request_.mtu, 1500) : request_.mtu;
  }

  Result<> set_up_queues() {
    uint16_t receive = descriptors_of(port_.device), transmit = receive;
    if (const int number = rte_eth_dev_adjust_nb_rx_tx_desc(port_.id, &receive, &transmit); number != 0)
      return refuse(request_, "choose its queue sizes", number);
    const auto node = unsigned(rte_eth_dev_socket_id(port_.id));
    for (uint16_t queue = 0; queue < port_.queues; ++queue) {
      if (const int number = rte_eth_rx_queue_setup(port_.id, queue, receive, node, nullptr, pool_); number != 0)
        return refuse(request_, fmt::format("set up receive queue {}", queue), number);
      note_sockets();
      if (const int number = rte_eth_tx_queue_setup(port_.id, queue, transmit, node, nullptr); number != 0)
        return refuse(request_, fmt::format("set up transmit queue {}", queue), number);
    }
    return {};
  }

  void note_sockets() {
    const std::set<int> now = packet_sockets();
    std::ranges::set_difference(now, sockets_, std::back_inserter(port_.queue_fds));
    sockets_ = now;
  }

  void choose_wake() {
    if (port_.queue_fds.size() == port_.queues)
      port_.wake = Wake::kDescriptor;
    else if (interrupts_)
      port_.wake = Wake::kInterrupt;
    if (port_.wake != Wake::kDescriptor) port_.queue_fds.clear();
  }

  const PortRequest& request_;
  rte_mempool* pool_;
  std::set<int> sockets_;
  bool interrupts_ = false;
  Port port_;
};

struct Shape {
  Device device;
  uint16_t queues = 1;
  bool spreads_flows = false;
  int interface_index = 0;
};

// The driver does not know them, and what came in by them would pass it by.
std::unexpected<Error> queues_apart(const PortRequest& request, const Device& device, const HostInterface& host) {
  return fail(fmt::format("port {}: {} has {} receive queues apart from those that transmit, and af_xdp takes one of"
                          " these at most: leave it one (`ethtool -L {} rx 1`), or use net_af_packet",
                          request.name, device.interface, host.queues, device.interface),
              Origin::kOperator);
}

// An af_xdp port takes every queue of its interface, or packets of the others would pass it by. For af_packet one
// socket takes all unless `qpairs` says otherwise: with several, the kernel moves packets of a flow to another one when
// its own is full.
Result<Shape> shape_of(const PortRequest& request) {
  auto device = parse_device(request.device);
  if (!device) return std::unexpected(std::move(device).error().in("port " + request.name));
  Shape shape{.device = std::move(*device)};
  const auto argument = [&](std::string_view key) -> uint16_t {
    for (const auto& [name, value] : shape.device.arguments)
      if (name == key) return uint16_t(std::clamp(std::atoi(value.c_str()), 1, 64));
    return 0;
  };
  if (shape.device.kind == Device::Kind::kPci || shape.device.kind == Device::Kind::kOther)
    shape.queues = request.workers;
  if (!shape.device.on_host_interface()) return shape;
  auto host = read_host_interface(shape.device.interface);
  if (!host) return std::unexpected(std::move(host).error().in("port " + request.name));
  shape.interface_index = host->index;
  if (shape.device.kind == Device::Kind::kAfXdp) {
    const uint16_t written = argument("queue_count");
    if (written == 0 && host->queues > host->combined_queues) return queues_apart(request, shape.device, *host);
    shape.queues = written != 0 ? written : uint16_t(std::min<uint32_t>(host->queues, 64));
    shape.spreads_flows = host->spreads_flows && shape.queues >= request.workers;
  } else {
    shape.queues = std::max<uint16_t>(1, argument("qpairs"));
  }
  return shape;
}

// The driver loads the program from a file, and attaches it while the port is opened.
Result<Port> open_shared(const PortRequest& request, const Shape& shape, rte_mempool* pool) {
  Device device = shape.device;
  const auto is_program = [](const auto& argument) { return argument.first == "xdp_prog"; };
  if (device.kind != Device::Kind::kAfXdp || std::ranges::any_of(device.arguments, is_program))
    return fail(
        fmt::format("port {} (device \"{}\"): only net_af_xdp shares its interface with the kernel, by a program"
                    " of ours",
                    request.name, request.device),
        Origin::kOperator);
  auto file = xdp::program_file();
  if (!file) return std::unexpected(std::move(file).error().in("port " + request.name));
  auto before = share_host_interface(device.interface, request.mtu);
  if (!before) return std::unexpected(std::move(before).error().in("port " + request.name));
  device.arguments.emplace_back("xdp_prog", fmt::format("/proc/self/fd/{}", file->get()));
  xdp::Attachment attachment(shape.interface_index, request.share);
  auto port = Opening(request, std::move(device), shape.queues, pool).open();
  if (!port || !attachment.outcome()) give_back_host_interface(shape.device.interface, *before);
  if (!attachment.outcome()) return std::unexpected(Error(attachment.outcome().error()).in("port " + request.name));
  if (port) port->before = *before;
  return port;
}

}  // namespace

Result<PortNeeds> port_needs(const PortRequest& request) {
  auto shape = shape_of(request);
  if (!shape) return std::unexpected(std::move(shape).error());
  const bool xdp = shape->device.kind == Device::Kind::kAfXdp;
  const uint32_t a_queue = xdp ? 3u * kXdpDescriptors : 2u * kDescriptors;  // receive, transmit; and af_xdp's fill ring
  const uint32_t frame = shape->device.kind == Device::Kind::kAfPacket ? af_packet_frame(shape->device, request.mtu)
                                                                       : request.mtu + kFrameOverhead;
  return PortNeeds{
      .buffers = a_queue * shape->queues, .frame = frame, .queues = shape->queues, .socket = socket_of(shape->device)};
}

Result<Port> open_port(const PortRequest& request, rte_mempool* pool) {
  auto shape = shape_of(request);
  if (!shape) return std::unexpected(std::move(shape).error());
  if (shape->device.kind == Device::Kind::kAfXdp && !is_dense(*pool))
    return fail(fmt::format("port {}: af_xdp needs the packet buffers in one piece of memory: use virtual addresses"
                            " (`--iova-mode=va`, which a PCI port may forbid) and reserve more hugepages",
                            request.name),
                Origin::kOperator);
  if (!request.share && shape->device.on_host_interface())
    if (auto done = prepare_host_interface(shape->device.interface, request.mtu); !done)
      return std::unexpected(std::move(done).error().in("port " + request.name));
  auto port =
      request.share ? open_shared(request, *shape, pool) : Opening(request, shape->device, shape->queues, pool).open();
  if (!port) return port;
  port->spreads_flows |= shape->spreads_flows;
  port->interface_index = shape->interface_index;
  if (shape->device.kind == Device::Kind::kAfXdp && !port->queue_fds.empty())
    port->way = xdp_way(shape->interface_index, port->queue_fds.front());
  return port;
}

uint64_t socket_drops(const Port& port, uint64_t so_far) {
  uint64_t drops = port.device.kind == Device::Kind::kAfXdp ? 0 : so_far;
  for (const int fd : port.queue_fds) {
    tpacket_stats packet{};  // reading resets it
    xdp_statistics xdp{};    // since the start
    socklen_t packet_size = sizeof packet, xdp_size = sizeof xdp;
    if (port.device.kind == Device::Kind::kAfXdp) {
      if (::getsockopt(fd, SOL_XDP, XDP_STATISTICS, &xdp, &xdp_size) == 0)
        drops += xdp.rx_ring_full + xdp.rx_fill_ring_empty_descs;
    } else if (::getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &packet, &packet_size) == 0) {
      drops += packet.tp_drops;
    }
  }
  return drops;
}

namespace {
// The af_packet driver says that it is up whatever its interface says.
bool link_is_up(const Port& port) {
  if (port.device.on_host_interface()) return has_link(port.device.interface);
  rte_eth_link link{};
  return rte_eth_link_get_nowait(port.id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}
}  // namespace

// The sockets of af_packet and af_xdp stay with the interface that they were opened on, whatever has its name now.
PortState state_of(const Port& port) {
  const Fate fate = port.fate->load();
  if (fate == Fate::kRemoved || rte_eth_dev_is_removed(port.id) == 1) return PortState::kRemoved;
  if (fate == Fate::kReset) return PortState::kReplaced;
  if (port.interface_index != 0) {
    const auto index = int(::if_nametoindex(port.device.interface.c_str()));
    if (index == 0) return PortState::kDown;
    if (index != port.interface_index) return PortState::kReplaced;
  }
  return link_is_up(port) ? PortState::kUp : PortState::kDown;
}

void close_port(const Port& port) {
  for (const rte_eth_event_type event : kFateEvents)
    rte_eth_dev_callback_unregister(port.id, event, note_fate, port.fate.get());
  if (port.device.kind == Device::Kind::kPci)
    rte_dev_event_callback_unregister(port.device.driver.c_str(), note_request, port.fate.get());
  if (const int number = rte_eth_dev_stop(port.id); number != 0)
    log::warning("port {}: it does not stop: {}", port.name, rte_strerror(-number));
  (void)rte_eth_dev_close(port.id);
  if (port.device.kind != Device::Kind::kAfXdp) return;
  if (auto done = detach_xdp(port.interface_index); !done) log::warning("port {}: {}", port.name, done.error().message);
  if (port.shared) give_back_host_interface(port.device.interface, port.before);
}

}  // namespace cardea::dataplane
