#include "l7/control/hand_over.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "base/peer_credentials.h"
#include "base/systemd.h"

namespace cardea::l7 {
namespace {

constexpr uint32_t kShardsMax = 4096;
constexpr const char* kAside = ".next";

Result<Running::Before> before_of(handover::Offer& offer) {
  Running::Before before{};
  for (auto& its : offer.sockets) {
    if (its.shard >= kShardsMax) return fail("a listening socket of a shard that cannot be");
    if (before.sockets.size() <= its.shard) before.sockets.resize(its.shard + 1);
    before.endpoints.insert(its.at);
    before.sockets[its.shard][its.at] = std::move(its.socket);
  }
  return before;
}

// What is not taken is closed with it here: a socket that two processes have ends when both have closed it.
handover::Serving serving_of(const handover::Offer& offer, Running::Sockets not_taken) {
  handover::Serving serving{.pid = ::getpid(), .taken = {}};
  for (const auto& its : offer.sockets) serving.taken.push_back(!not_taken[its.shard].contains(its.at));
  return serving;
}

FileDescriptor copy(int fd) {
  return FileDescriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

// Another user's could not listen beside this one, nor read the keys; the service manager would not know it.
Result<> check_user(int socket) {
  auto peer = peer_credentials(socket);
  if (!peer) return std::unexpected(std::move(peer.error()));
  if (peer->user == ::geteuid()) return {};
  return fail("the other process is another user's: systemctl reload cardea-l7 starts one as it has to be",
              Origin::kOperator);
}

}  // namespace

Result<HandOver> HandOver::begin(FileDescriptor socket, Running& running, const control::PlanServer& server,
                                 Instant now) {
  if (auto same = check_user(socket.get()); !same) return std::unexpected(std::move(same.error()));
  handover::Offer offer{.plan_socket = copy(server.listener().get()),
                        .log = copy(STDERR_FILENO),
                        .service_manager = systemd::known(),
                        .sockets = {}};
  if (!offer.plan_socket || !offer.log) return fail_errno("copy the plan socket");
  std::vector<Place> offered;
  Running::Sockets sockets = running.listening_sockets();
  for (uint32_t shard = 0; shard < sockets.size(); ++shard)
    for (auto& [endpoint, listening] : sockets[shard]) {
      if (!listening) return fail("the listening sockets cannot be copied: descriptors are short");
      offered.emplace_back(shard, endpoint);
      offer.sockets.push_back({endpoint, shard, std::move(listening)});
    }
  auto successor = handover::Successor::greet(std::move(socket), offer, now);
  if (!successor) return std::unexpected(std::move(successor.error()));
  return HandOver(std::move(*successor), std::move(offered));
}

std::optional<Result<pid_t>> HandOver::look(Instant now) {
  auto told = successor_.look(now);
  if (!told) return std::nullopt;
  if (!*told) return std::unexpected(std::move(told->error()));
  taken_.clear();
  for (size_t i = 0; i < offered_.size(); ++i) {
    const auto& [shard, endpoint] = offered_[i];
    if (taken_.size() <= shard) taken_.resize(shard + 1);
    if ((*told)->taken[i]) taken_[shard].insert(endpoint);
  }
  return (*told)->pid;
}

Result<Beside> open_beside(handover::Offer& offer, Bytes image, const StartOptions& options) {
  auto before = before_of(offer);
  if (!before) return std::unexpected(std::move(before.error()));
  StartOptions aside = options;
  aside.statistics += kAside;
  auto running = Running::open(image, aside, std::move(*before));
  if (!running) return std::unexpected(std::move(running.error()));
  handover::Serving serving = serving_of(offer, (*running)->take_not_taken());
  return Beside{std::move(*running), std::move(serving)};
}

Result<> show_statistics(const StartOptions& options) {
  const std::string path = options.run_directory + "/" + options.statistics;
  if (std::rename((path + kAside).c_str(), path.c_str()) != 0) return fail_errno("put the statistics in their place");
  return {};
}

}  // namespace cardea::l7
