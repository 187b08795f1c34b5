// /dev/net/tun and the few ioctls behind it.
#include "dataplane/door/tap.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace cardea::dataplane {
namespace {

Result<> write_proc(const std::string& path, std::string_view value) {
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return errno == ENOENT ? Result<>{} : fail_errno("open " + path);
  if (::write(file.get(), value.data(), value.size()) < 0) return fail_errno("write " + path);
  return {};
}

// Addresses come from the plan alone. Replies may leave by another port than the one a packet came from, so the strict
// reverse path filter of some distributions would drop good packets; loose keeps its use. ARP only for the addresses of
// this TAP's own interface, since every port answers for itself. Neighbours are told when its MAC address changes.
Result<> settle(const std::string& name) {
  const std::string v4 = "/proc/sys/net/ipv4/conf/" + name, v6 = "/proc/sys/net/ipv6/conf/" + name;
  if (auto done = write_proc(v6 + "/accept_ra", "0"); !done) return done;
  if (auto done = write_proc(v6 + "/disable_ipv6", "0"); !done) return done;
  if (auto done = write_proc(v4 + "/arp_ignore", "1"); !done) return done;
  if (auto done = write_proc(v4 + "/arp_notify", "1"); !done) return done;
  if (auto done = write_proc(v6 + "/ndisc_notify", "1"); !done) return done;
  return write_proc(v4 + "/rp_filter", "2");
}

Result<> set_mac(int fd, const std::string& name, const std::array<uint8_t, 6>& mac) {
  ifreq ifr{};
  ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(ifr.ifr_hwaddr.sa_data, mac.data(), mac.size());
  if (::ioctl(fd, SIOCSIFHWADDR, &ifr) < 0) return fail_errno(fmt::format("set the MAC address of {}", name));
  return {};
}

}  // namespace

namespace {

// The first makes the interface, those that follow join it.
Result<FileDescriptor> open_queue(const std::string& name, int flags) {
  FileDescriptor fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return fail_errno("open /dev/net/tun");
  ifreq ifr{};
  std::memcpy(ifr.ifr_name, name.c_str(), name.size() + 1);
  ifr.ifr_flags = short(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags);
  if (::ioctl(fd.get(), TUNSETIFF, &ifr) < 0)
    return fail_errno(
        errno == EBUSY
            ? fmt::format("make the interface {}: there is one of that name; give the port another name", name)
            : fmt::format("make the interface {}", name));
  // The kernel leaves checksums and the cutting of large TCP packets to us, as to any NIC.
  if (::ioctl(fd.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) < 0)
    return fail_errno(fmt::format("switch on the offloads of {}", name));
  return fd;
}

Result<std::vector<FileDescriptor>> open_queues(const std::string& name, uint32_t queues) {
  std::vector<FileDescriptor> all;
  for (uint32_t i = 0; i < queues; ++i) {
    auto queue = open_queue(name, (i == 0 ? IFF_TUN_EXCL : 0) | (queues > 1 ? IFF_MULTI_QUEUE : 0));
    if (!queue) return std::unexpected(std::move(queue).error());
    all.push_back(std::move(*queue));
  }
  return all;
}

}  // namespace

Result<std::unique_ptr<Tap>> Tap::open(const std::string& name, const std::array<uint8_t, 6>& mac, uint32_t mtu,
                                       uint32_t queues) {
  if (name.empty() || name.size() >= IFNAMSIZ)
    return fail(fmt::format("port \"{}\": a name has 1 to 15 characters", name), Origin::kOperator);
  auto opened = open_queues(name, queues);
  if (!opened) return std::unexpected(std::move(opened).error());
  ifreq ifr{};
  std::memcpy(ifr.ifr_name, name.c_str(), name.size() + 1);
  if (auto done = set_mac(opened->front().get(), name, mac); !done) return std::unexpected(std::move(done).error());
  FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("open a socket for interface settings");
  ifr.ifr_mtu = int(mtu);
  if (::ioctl(socket.get(), SIOCSIFMTU, &ifr) < 0) return fail_errno(fmt::format("set the MTU of {} to {}", name, mtu));
  if (auto done = settle(name); !done) return std::unexpected(std::move(done).error());
  if (::ioctl(socket.get(), SIOCGIFFLAGS, &ifr) < 0) return fail_errno(fmt::format("read the flags of {}", name));
  ifr.ifr_flags |= IFF_UP;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &ifr) < 0) return fail_errno(fmt::format("bring {} up", name));
  if (::ioctl(socket.get(), SIOCGIFINDEX, &ifr) < 0) return fail_errno(fmt::format("read the number of {}", name));
  return std::make_unique<Tap>(std::move(*opened), ifr.ifr_ifindex, name, mac);
}

Reason Tap::give(uint32_t queue, std::span<const iovec> pieces) {
  return ::writev(queues_[queue].get(), pieces.data(), int(pieces.size())) < 0 ? Reason::k_door_full : Reason::kNone;
}

Result<> Tap::set_carrier(bool up) {
  int carrier = up ? 1 : 0;
  if (::ioctl(queues_.front().get(), TUNSETCARRIER, &carrier) < 0)
    return fail_errno(fmt::format("set the link of {} {}", name_, up ? "up" : "down"));
  return {};
}

Result<bool> Tap::keep_mac() {
  ifreq ifr{};
  if (::ioctl(queues_.front().get(), SIOCGIFHWADDR, &ifr) < 0) return fail_errno(fmt::format("read the MAC address of {}", name_));
  if (std::memcmp(ifr.ifr_hwaddr.sa_data, mac_.data(), mac_.size()) == 0) return false;
  if (auto done = set_mac(queues_.front().get(), name_, mac_); !done) return std::unexpected(std::move(done).error());
  return true;
}

}  // namespace cardea::dataplane
