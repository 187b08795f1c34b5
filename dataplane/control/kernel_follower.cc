// The conversation with the kernel about routes and neighbours.
#include "dataplane/control/kernel_follower.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/log.h"
#include "dataplane/control/kernel_messages.h"

namespace cardea::dataplane {

Result<KernelFollower> KernelFollower::start(std::vector<int> tap_indexes, uint32_t neighbours_max, Instant now) {
  auto events = Netlink::open(RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                              RTMGRP_NEIGH | RTMGRP_LINK);
  if (!events) return std::unexpected(std::move(events).error());
  auto requests = Netlink::open(0);
  if (!requests) return std::unexpected(std::move(requests).error());
  KernelFollower follower(std::move(*events), std::move(*requests), std::move(tap_indexes), neighbours_max);
  if (auto done = follower.refresh_routes(); !done) return std::unexpected(std::move(done).error());
  if (auto done = follower.dump_neighbours(now); !done) return std::unexpected(std::move(done).error());
  return follower;
}

Result<> KernelFollower::read(Instant now) {
  auto got = events_.receive([&](const nlmsghdr& message) { take(message, now); });
  if (got) return got;
  if (got.error().retry != Retry::kSafe) return got;
  routes_stale_ = links_changed_ = settings_lost_ = true;  // changes were lost: read everything again
  return dump_neighbours(now);
}

void KernelFollower::take(const nlmsghdr& message, Instant now) {
  switch (message.nlmsg_type) {
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      take_neighbour(message, now);
      break;
    case RTM_NEWLINK:
      if (is_of_link(message, tap_indexes_)) routes_stale_ = links_changed_ = true;
      break;  // IPv4 routes of a link that goes down vanish without a message
    case RTM_DELADDR:
      settings_lost_ |= is_of_address(message, tap_indexes_);
      break;
    case RTM_DELROUTE:
      settings_lost_ |= is_default_route(message, tap_indexes_);
      [[fallthrough]];
    case RTM_NEWROUTE:
      routes_stale_ = true;
      break;
    default:
      break;
  }
}

void KernelFollower::take_neighbour(const nlmsghdr& message, Instant now) {
  if (const auto report = read_neighbour(message, tap_indexes_))
    changed_ |= neighbours_.report(report->key, report->report, report->mac, now);
}

Result<> KernelFollower::refresh_routes() {
  std::vector<KernelRoute> routes;
  for (uint8_t family : {AF_INET, AF_INET6}) {
    NetlinkRequest request(RTM_GETROUTE, 0);
    request.header<rtmsg>()->rtm_family = family;
    auto done = requests_.dump(request, [&](const nlmsghdr& message) {
      if (auto route = read_route(message, tap_indexes_)) routes.push_back(*route);
    });
    if (!done) return std::unexpected(std::move(done).error().in("read the kernel's routes"));
  }
  routes_stale_ = false;
  if (routes != routes_) changed_ = true, routes_ = std::move(routes);
  return {};
}

Result<> KernelFollower::dump_neighbours(Instant now) {
  NetlinkRequest request(RTM_GETNEIGH, 0);
  request.header<ndmsg>()->ndm_family = AF_UNSPEC;
  auto done = requests_.dump(request, [&](const nlmsghdr& message) { take_neighbour(message, now); });
  if (!done) return std::unexpected(std::move(done).error().in("read the kernel's neighbours"));
  return {};
}

namespace {
void put_neighbour(NetlinkRequest& request, const Neighbours::Key& key, int interface_index, uint8_t flags) {
  auto* neighbour = request.header<ndmsg>();
  neighbour->ndm_family = key.address.is_v4() ? AF_INET : AF_INET6;
  neighbour->ndm_ifindex = interface_index;
  neighbour->ndm_flags = flags;
  if (key.address.is_v4())
    mnl_attr_put(request.message(), NDA_DST, 4, key.address.v4_data());
  else
    mnl_attr_put(request.message(), NDA_DST, 16, key.address.bytes.data());
}
}  // namespace

// A kernel that knows no managed neighbours says so; then asking for its use again and again does the same.
void KernelFollower::request_neighbour(const Neighbours::Key& key, bool managed) {
  if (managed) {
    NetlinkRequest request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
    put_neighbour(request, key, tap_indexes_[key.port], 0);
    mnl_attr_put_u32(request.message(), NDA_FLAGS_EXT, NTF_EXT_MANAGED);
    if (requests_.run_errno(request) == 0) return;
  }
  NetlinkRequest request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  put_neighbour(request, key, tap_indexes_[key.port], NTF_USE);
  if (auto done = requests_.run(request); !done)
    log::debug("ask the kernel for {}: {}", key.address.text(), done.error().message);
}

void KernelFollower::forget_neighbour(const Neighbours::Key& key) {
  NetlinkRequest request(RTM_DELNEIGH, 0);
  put_neighbour(request, key, tap_indexes_[key.port], 0);
  (void)requests_.run_errno(request);  // it may be gone already
}

void KernelFollower::ask(const Neighbours::Key& key, Instant now) {
  if (key.port < tap_indexes_.size() && neighbours_.ask(key, now)) request_neighbour(key, false);
}

void KernelFollower::need(const std::set<Neighbours::Key>& keys, Instant now) {
  const std::set<Neighbours::Key> before = neighbours_.needed();
  if (before == keys) return;
  neighbours_.need(keys);
  for (const auto& key : keys)
    if (!before.contains(key)) neighbours_.ask(key, now), request_neighbour(key, true);
  for (const auto& key : before)
    if (!keys.contains(key)) forget_neighbour(key);
}

void KernelFollower::tick(Instant now) {
  const Neighbours::Due due = neighbours_.tick(now);
  changed_ |= due.changed;
  for (const auto& key : due.ask) request_neighbour(key, neighbours_.needed().contains(key));
}

}  // namespace cardea::dataplane
