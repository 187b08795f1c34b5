// ioctl, ethtool and /proc/sys: the settings of a Linux interface under one of our ports.
#include "dataplane/port/host_interface.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/file_descriptor.h"
#include "base/log.h"
#include "dataplane/control/netlink.h"

namespace cardea::dataplane {
namespace {

class InterfaceSocket {
 public:
  static Result<InterfaceSocket> open(const std::string& name) {
    if (name.empty() || name.size() >= IFNAMSIZ)
      return fail(fmt::format("interface \"{}\": a name has 1 to 15 characters", name), Origin::kOperator);
    FileDescriptor fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd) return fail_errno("open a socket for interface settings");
    return InterfaceSocket(std::move(fd), name);
  }

  Result<> request(unsigned long number, ifreq& ifr, std::string_view what) const {
    std::memcpy(ifr.ifr_name, name_.c_str(), name_.size() + 1);
    if (::ioctl(fd_.get(), number, &ifr) < 0) return fail_errno(fmt::format("interface {}: {}", name_, what));
    return {};
  }

  bool ethtool(void* command) const {
    ifreq ifr{};
    ifr.ifr_data = static_cast<char*>(command);
    return request(SIOCETHTOOL, ifr, "ethtool").has_value();
  }

 private:
  InterfaceSocket(FileDescriptor fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  FileDescriptor fd_;
  std::string name_;
};

struct ReceiveQueues {
  uint32_t all = 1, combined = 1;
};
ReceiveQueues receive_queues(const InterfaceSocket& socket) {
  ethtool_channels channels{.cmd = ETHTOOL_GCHANNELS};
  if (!socket.ethtool(&channels)) return {};
  const uint32_t combined = std::max<uint32_t>(1, channels.combined_count);
  return {std::max(combined, channels.combined_count + channels.rx_count), combined};
}

// A NIC that spreads by a flow hash has an indirection table to show; a veth picks the queue by the sender's CPU.
bool spreads_flows(const InterfaceSocket& socket) {
  ethtool_rxfh table{.cmd = ETHTOOL_GRSSH};
  return socket.ethtool(&table) && table.indir_size > 0;
}

// Offloads that merge received packets or leave checksums to the hardware behind us. A driver that cannot switch one
// keeps it: then there is nothing to switch.
void switch_offloads_off(const InterfaceSocket& socket) {
  for (uint32_t command : {uint32_t{ETHTOOL_STXCSUM}, uint32_t{ETHTOOL_SRXCSUM}, uint32_t{ETHTOOL_SSG},
                           uint32_t{ETHTOOL_STSO}, uint32_t{ETHTOOL_SGSO}, uint32_t{ETHTOOL_SGRO}}) {
    ethtool_value value{.cmd = command, .data = 0};
    socket.ethtool(&value);
  }
  ethtool_value flags{.cmd = ETHTOOL_GFLAGS, .data = 0};
  if (!socket.ethtool(&flags)) return;
  // VLAN tags stay in the frame, LRO off.
  flags = {.cmd = ETHTOOL_SFLAGS, .data = flags.data & ~uint32_t{ETH_FLAG_LRO | ETH_FLAG_RXVLAN | ETH_FLAG_TXVLAN}};
  socket.ethtool(&flags);
}

Result<> write_setting(const std::string& path, std::string_view value) {
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) {
    if (errno == ENOENT) return {};  // a kernel without IPv6 has nothing to switch off
    return fail_errno("open " + path);
  }
  if (::write(file.get(), value.data(), value.size()) < 0) return fail_errno("write " + path);
  return {};
}

Result<> silence_kernel(const std::string& name) {
  const std::string v4 = "/proc/sys/net/ipv4/conf/" + name, v6 = "/proc/sys/net/ipv6/conf/" + name;
  if (auto done = write_setting(v4 + "/rp_filter", "1"); !done) return done;
  if (auto done = write_setting(v4 + "/arp_ignore", "8"); !done) return done;
  if (auto done = write_setting(v4 + "/forwarding", "0"); !done) return done;
  return write_setting(v6 + "/disable_ipv6", "1");
}

Result<> raise_mtu(const InterfaceSocket& socket, uint32_t mtu) {
  ifreq ifr{};
  if (auto got = socket.request(SIOCGIFMTU, ifr, "read its MTU"); !got) return got;
  if (uint32_t(ifr.ifr_mtu) >= mtu) return {};
  ifr.ifr_mtu = int(mtu);
  return socket.request(SIOCSIFMTU, ifr, fmt::format("set its MTU to {}", mtu));
}

Result<> bring_up(const InterfaceSocket& socket) {
  ifreq ifr{};
  if (auto got = socket.request(SIOCGIFFLAGS, ifr, "read its flags"); !got) return got;
  ifr.ifr_flags |= IFF_UP | IFF_PROMISC | IFF_NOARP;
  return socket.request(SIOCSIFFLAGS, ifr, "bring it up");
}

}  // namespace

Result<HostInterface> read_host_interface(const std::string& name) {
  auto socket = InterfaceSocket::open(name);
  if (!socket) return std::unexpected(std::move(socket).error());
  HostInterface found;
  ifreq ifr{};
  if (auto got = socket->request(SIOCGIFINDEX, ifr, "is it there?"); !got)
    return std::unexpected(std::move(got).error());
  found.index = ifr.ifr_ifindex;
  if (auto got = socket->request(SIOCGIFMTU, ifr, "read its MTU"); !got) return std::unexpected(std::move(got).error());
  found.mtu = uint32_t(ifr.ifr_mtu);
  if (auto got = socket->request(SIOCGIFHWADDR, ifr, "read its MAC address"); !got)
    return std::unexpected(std::move(got).error());
  std::memcpy(found.mac.data(), ifr.ifr_hwaddr.sa_data, found.mac.size());
  const ReceiveQueues queues = receive_queues(*socket);
  found.queues = queues.all;
  found.combined_queues = queues.combined;
  found.spreads_flows = spreads_flows(*socket);
  return found;
}

Result<> prepare_host_interface(const std::string& name, uint32_t mtu) {
  auto found = read_host_interface(name);
  if (!found) return std::unexpected(std::move(found).error());
  auto socket = InterfaceSocket::open(name);
  if (!socket) return std::unexpected(std::move(socket).error());
  if (auto done = detach_xdp(found->index); !done) return done;
  if (auto done = silence_kernel(name); !done) return done;
  switch_offloads_off(*socket);
  if (auto done = raise_mtu(*socket, mtu); !done) return done;
  return bring_up(*socket);
}

namespace {

// What silence_kernel() and bring_up() left, if it did; nobody else sets an interface so.
Result<> end_silence(const InterfaceSocket& socket, const std::string& name) {
  ifreq ifr{};
  if (auto got = socket.request(SIOCGIFFLAGS, ifr, "read its flags"); !got) return got;
  const bool silent = (ifr.ifr_flags & IFF_NOARP) != 0;
  if (silent) {
    if (auto done = write_setting("/proc/sys/net/ipv4/conf/" + name + "/arp_ignore", "0"); !done) return done;
    if (auto done = write_setting("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6", "0"); !done) return done;
    ifr.ifr_flags &= short(~(IFF_NOARP | IFF_PROMISC));
  }
  ifr.ifr_flags |= IFF_UP;
  return socket.request(SIOCSIFFLAGS, ifr, "bring it up");
}

// A tag that the card took out would be a frame of no VLAN to the program.
SharedBefore keep_tags_in_frames(const InterfaceSocket& socket) {
  ethtool_value flags{.cmd = ETHTOOL_GFLAGS, .data = 0};
  if (!socket.ethtool(&flags)) return {};
  const uint32_t before = flags.data, wanted = before & ~uint32_t{ETH_FLAG_LRO | ETH_FLAG_RXVLAN};
  flags = {.cmd = ETHTOOL_SFLAGS, .data = wanted};
  if (wanted == before || !socket.ethtool(&flags)) return {};
  return {.flags = before};
}

}  // namespace

namespace {

std::string promote_secondaries(const std::string& name) {
  return "/proc/sys/net/ipv4/conf/" + name + "/promote_secondaries";
}

// Whether it did.
Result<bool> lose_no_secondaries(const std::string& name) {
  const std::string path = promote_secondaries(name);
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char value = '1';
  if (!file || ::read(file.get(), &value, 1) != 1) return fail_errno("read " + path);
  if (value != '0') return false;
  if (auto done = write_setting(path, "1"); !done) return std::unexpected(std::move(done).error());
  return true;
}

}  // namespace

Result<SharedBefore> share_host_interface(const std::string& name, uint32_t mtu) {
  auto found = read_host_interface(name);
  if (!found) return std::unexpected(std::move(found).error());
  if (found->mtu < mtu)
    return fail(
        fmt::format("interface {}: its MTU of {} is less than the port's {}: `ip link set {} mtu {}`, or give the"
                    " port another one",
                    name, found->mtu, mtu, name, mtu),
        Origin::kOperator);
  auto socket = InterfaceSocket::open(name);
  if (!socket) return std::unexpected(std::move(socket).error());
  if (auto done = end_silence(*socket, name); !done) return std::unexpected(std::move(done).error());
  const auto lost = lose_no_secondaries(name);
  if (!lost) return std::unexpected(lost.error());
  SharedBefore before = keep_tags_in_frames(*socket);
  before.loses_secondaries = *lost;
  return before;
}

void give_back_host_interface(const std::string& name, const SharedBefore& before) {
  if (before.loses_secondaries)
    if (auto done = write_setting(promote_secondaries(name), "0"); !done) log::warning("{}", done.error().message);
  if (!before.flags) return;
  ethtool_value flags{.cmd = ETHTOOL_SFLAGS, .data = *before.flags};
  if (auto socket = InterfaceSocket::open(name)) socket->ethtool(&flags);
}

bool has_link(const std::string& name) {
  auto socket = InterfaceSocket::open(name);
  ifreq ifr{};
  return socket && socket->request(SIOCGIFFLAGS, ifr, "read its flags") && (ifr.ifr_flags & IFF_RUNNING) != 0;
}

Result<> detach_xdp(int interface_index) {
  auto netlink = Netlink::open(0);
  if (!netlink) return std::unexpected(std::move(netlink).error());
  NetlinkRequest request(RTM_SETLINK, 0);
  auto* link = request.header<ifinfomsg>();
  link->ifi_family = AF_UNSPEC;
  link->ifi_index = interface_index;
  nlattr* xdp = mnl_attr_nest_start(request.message(), IFLA_XDP);
  mnl_attr_put_u32(request.message(), IFLA_XDP_FD, uint32_t(-1));
  mnl_attr_put_u32(request.message(), IFLA_XDP_FLAGS, 0);
  mnl_attr_nest_end(request.message(), xdp);
  auto done = netlink->run(request);
  if (!done) return std::unexpected(std::move(done).error().in("detach the XDP program"));
  return {};
}

}  // namespace cardea::dataplane
