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

// In an order in which each has what it needs when they are switched on.
constexpr uint32_t kOffloads[] = {ETHTOOL_STXCSUM, ETHTOOL_SRXCSUM, ETHTOOL_SSG,
                                  ETHTOOL_STSO,    ETHTOOL_SGSO,    ETHTOOL_SGRO};

void set_offloads(const InterfaceSocket& socket, bool on) {
  for (const uint32_t command : kOffloads) {
    ethtool_value value{.cmd = command, .data = on};
    socket.ethtool(&value);
  }
}

// Offloads that merge received packets or leave checksums to the hardware behind us. A driver that cannot switch one
// keeps it: then there is nothing to switch.
void switch_offloads_off(const InterfaceSocket& socket) {
  set_offloads(socket, false);
  ethtool_value flags{.cmd = ETHTOOL_GFLAGS, .data = 0};
  if (!socket.ethtool(&flags)) return;
  // VLAN tags stay in the frame, LRO off.
  flags = {.cmd = ETHTOOL_SFLAGS, .data = flags.data & ~uint32_t{ETH_FLAG_LRO | ETH_FLAG_RXVLAN | ETH_FLAG_TXVLAN}};
  socket.ethtool(&flags);
}

// As a driver has them when it starts; but for LRO, which is not for what is carried on.
void switch_offloads_on(const InterfaceSocket& socket) {
  set_offloads(socket, true);
  for (const uint32_t flag : {ETH_FLAG_RXVLAN, ETH_FLAG_TXVLAN}) {  // a driver refuses both when it lacks one
    ethtool_value flags{.cmd = ETHTOOL_GFLAGS, .data = 0};
    if (!socket.ethtool(&flags)) return;
    flags = {.cmd = ETHTOOL_SFLAGS, .data = flags.data | flag};
    socket.ethtool(&flags);
  }
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

Result<uint32_t> mtu_of(const InterfaceSocket& socket) {
  ifreq ifr{};
  if (auto got = socket.request(SIOCGIFMTU, ifr, "read its MTU"); !got) return std::unexpected(std::move(got).error());
  return uint32_t(ifr.ifr_mtu);
}

Result<> set_mtu(const InterfaceSocket& socket, uint32_t mtu) {
  ifreq ifr{};
  ifr.ifr_mtu = int(mtu);
  return socket.request(SIOCSIFMTU, ifr, fmt::format("set its MTU to {}", mtu));
}

// What it had, where that was less.
Result<std::optional<RaisedMtu>> raise_mtu(const InterfaceSocket& socket, uint32_t mtu) {
  const auto before = mtu_of(socket);
  if (!before) return std::unexpected(before.error());
  if (*before >= mtu) return std::nullopt;
  if (auto done = set_mtu(socket, mtu); !done)
    return std::unexpected(std::move(done).error().in(fmt::format("an MTU of {} is less than the port's", *before)));
  return RaisedMtu{*before, mtu};
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
  if (auto done = raise_mtu(*socket, mtu); !done) return std::unexpected(std::move(done).error());
  return bring_up(*socket);
}

namespace {

// To what a new interface would have.
Result<> reset_setting(std::string_view family, const std::string& name, std::string_view setting) {
  const std::string folder = fmt::format("/proc/sys/net/{}/conf/", family);
  FileDescriptor file(::open(fmt::format("{}default/{}", folder, setting).c_str(), O_RDONLY | O_CLOEXEC));
  char value[16];
  const ssize_t size = file ? ::read(file.get(), value, sizeof value) : 0;
  if (size <= 0) return {};  // a kernel without it
  return write_setting(fmt::format("{}{}/{}", folder, name, setting), {value, size_t(size)});
}

Result<> end_silence_of_kernel(const std::string& name) {
  for (const char* setting : {"rp_filter", "arp_ignore", "forwarding"})
    if (auto done = reset_setting("ipv4", name, setting); !done) return done;
  return reset_setting("ipv6", name, "disable_ipv6");
}

// What prepare_host_interface() left, if it did: nobody else sets an interface so.
Result<> end_silence(const InterfaceSocket& socket, const std::string& name) {
  ifreq ifr{};
  if (auto got = socket.request(SIOCGIFFLAGS, ifr, "read its flags"); !got) return got;
  const bool silent = (ifr.ifr_flags & IFF_NOARP) != 0;
  if (silent) {
    if (auto done = end_silence_of_kernel(name); !done) return done;
    switch_offloads_on(socket);
    log::warning(
        "interface {}: a port that was not shared left it without offloads and forwarding; it has rx, tx, sg, tso, gso,"
        " gro, rxvlan and txvlan again (`ethtool -K {} ...` where one is not to be) and the forwarding and rp_filter of"
        " net.ipv4.conf.default",
        name, name);
    ifr.ifr_flags &= short(~(IFF_NOARP | IFF_PROMISC));
  }
  ifr.ifr_flags |= IFF_UP;
  return socket.request(SIOCSIFFLAGS, ifr, "bring it up");
}

// A tag that the card took out would be a frame of no VLAN to the program.
std::optional<uint32_t> keep_tags_in_frames(const InterfaceSocket& socket) {
  ethtool_value flags{.cmd = ETHTOOL_GFLAGS, .data = 0};
  if (!socket.ethtool(&flags)) return std::nullopt;
  const uint32_t before = flags.data, wanted = before & ~uint32_t{ETH_FLAG_LRO | ETH_FLAG_RXVLAN};
  flags = {.cmd = ETHTOOL_SFLAGS, .data = wanted};
  if (wanted == before || !socket.ethtool(&flags)) return std::nullopt;
  return before;
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

// Notes in `before` what it changes as it goes.
Result<> share(const InterfaceSocket& socket, const std::string& name, uint32_t mtu, SharedBefore& before) {
  if (auto done = end_silence(socket, name); !done) return done;
  auto raised = raise_mtu(socket, mtu);
  if (!raised) return std::unexpected(std::move(raised).error());
  before.mtu = *raised;
  if (before.mtu)
    log::warning("interface {}: its MTU of {} is less than the port's {}: it is raised until the dataplane ends", name,
                 before.mtu->from, mtu);
  const auto lost = lose_no_secondaries(name);
  if (!lost) return std::unexpected(lost.error());
  before.loses_secondaries = *lost;
  before.flags = keep_tags_in_frames(socket);
  return {};
}

// Somebody may have given it another one meanwhile.
void give_back_mtu(const InterfaceSocket& socket, const std::string& name, const RaisedMtu& raised) {
  const auto now = mtu_of(socket);
  if (!now || *now != raised.to) return;
  if (auto done = set_mtu(socket, raised.from); !done) return log::warning("{}", done.error().message);
  log::info("interface {}: it has its MTU of {} again", name, raised.from);
}

}  // namespace

Result<SharedBefore> share_host_interface(const std::string& name, uint32_t mtu) {
  auto socket = InterfaceSocket::open(name);
  if (!socket) return std::unexpected(std::move(socket).error());
  SharedBefore before;
  auto done = share(*socket, name, mtu, before);
  if (done) return before;
  give_back_host_interface(name, before);
  return std::unexpected(std::move(done).error());
}

void give_back_host_interface(const std::string& name, const SharedBefore& before) {
  if (before.loses_secondaries)
    if (auto done = write_setting(promote_secondaries(name), "0"); !done) log::warning("{}", done.error().message);
  auto socket = InterfaceSocket::open(name);
  if (!socket) return log::warning("{}", socket.error().message);
  if (before.mtu) give_back_mtu(*socket, name, *before.mtu);
  if (!before.flags) return;
  ethtool_value flags{.cmd = ETHTOOL_SFLAGS, .data = *before.flags};
  socket->ethtool(&flags);
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
