#include "dataplane/control/l7_attachments.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>

#include "base/control_socket.h"
#include "base/l7_door_return.h"
#include "base/log.h"
#include "base/peer_credentials.h"

namespace cardea::dataplane {
namespace {

Result<> watch(int epoll, int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) return fail_errno("watch the door's socket");
  return {};
}

// Of one that comes back rather than another: its connections have that number's ports.
uint32_t free_number(const std::vector<L7Attachments::Attached>& attached,
                     const std::array<Left, kInstances>& left) {
  const auto away = std::ranges::find(left, Left::kAway);
  if (away != left.end()) return uint32_t(away - left.begin());
  uint32_t number = 0;
  while (std::ranges::any_of(attached, [&](const auto& one) { return one.instance->number() == number; })) ++number;
  return number;
}

Result<> add_copy(std::vector<FileDescriptor>& copies, const FileDescriptor& of) {
  copies.emplace_back(::fcntl(of.get(), F_DUPFD_CLOEXEC, 0));
  if (!copies.back()) return fail_errno("hand over a bell");
  return {};
}

// What the instance rings: the workers'; and what it hears: its shards'.
struct Bells {
  std::vector<FileDescriptor> workers, shards;
};

Result<Bells> bells_of(const Rings& rings, const L7Instance& instance) {
  Bells bells;
  for (const auto& worker : rings.workers)
    if (auto done = add_copy(bells.workers, worker->l7_bells[instance.number()].ring); !done)
      return std::unexpected(std::move(done).error());
  for (const PipeBell& bell : instance.shard_bells())
    if (auto done = add_copy(bells.shards, bell.heard); !done) return std::unexpected(std::move(done).error());
  return bells;
}

}  // namespace

Result<L7Attachments> L7Attachments::listen(const std::string& path) {
  auto listener = control::listen(path);
  if (!listener) return std::unexpected(std::move(listener).error());
  FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("epoll of the door's socket");
  if (auto done = watch(epoll.get(), listener->get()); !done) return std::unexpected(std::move(done).error());
  return L7Attachments(std::move(*listener), std::move(epoll));
}

std::unique_ptr<const L7Instances> L7Attachments::value() const {
  auto value = std::make_unique<L7Instances>();
  value->left = left_;
  for (const Attached& one : attached_) {
    value->by_number[one.instance->number()] = one.instance;
    value->older = value->newest;
    value->newest = one.instance.get();
  }
  return value;
}

bool L7Attachments::serve(const Rings& rings) {
  std::array<epoll_event, 8> events;
  const int ready = ::epoll_wait(epoll_.get(), events.data(), int(events.size()), 0);
  bool changed = false;
  for (int i = 0; i < ready; ++i) {
    const int fd = events[size_t(i)].data.fd;
    if (fd == listener_.get())
      take_connection();
    else
      changed |= hear(fd, rings);
  }
  return changed;
}

void L7Attachments::take_connection() {
  auto connection = control::accept(listener_.get());
  if (!connection) return log::warning("door socket: {}", connection.error().message);
  const auto peer = peer_credentials(connection->get());
  if (!peer) return log::warning("door socket: {}", peer.error().message);
  if (!is_own_kind(*peer))
    return log::warning("door socket: process {} of user {} and group {} may not have a door; closing", peer->pid,
                        peer->user, peer->group);
  if (asking_.size() >= kAskingMax)
    return log::warning("door socket: {} connections ask for nothing; closing the newest", kAskingMax);
  const int fd = connection->get();
  if (auto done = watch(epoll_.get(), fd); !done) return log::warning("door socket: {}", done.error().message);
  asking_.emplace(fd, std::move(*connection));
}

// Events are gathered before the first is served, which may have ended the connection of a later one.
bool L7Attachments::hear(int socket, const Rings& rings) {
  const auto asking = asking_.find(socket);
  if (asking == asking_.end()) return end(socket, comes_back(socket) ? Left::kAway : Left::kEnded);
  FileDescriptor connection = std::move(asking->second);
  asking_.erase(asking);
  return attach(std::move(connection), rings);
}

Result<std::shared_ptr<L7Instance>> L7Attachments::make_instance(const DoorRequest& request, const Rings& rings) const {
  if (attached_.size() >= kInstances)
    return fail(fmt::format("{} instances have one already, and there can be no more", kInstances));
  return L7Instance::create(free_number(attached_, left_), uint32_t(rings.workers.size()), request.shards);
}

bool L7Attachments::attach(FileDescriptor socket, const Rings& rings) {
  const auto give_up = [&](const Error& error) {
    log::warning("door socket: {}", error.message);
    refuse_door(socket.get(), error.message);
    return false;
  };
  const auto request = receive_door_request(socket.get());
  if (!request) return give_up(request.error());
  auto instance = make_instance(*request, rings);
  if (!instance) return give_up(instance.error());
  const auto bells = bells_of(rings, **instance);
  if (!bells) return give_up(bells.error());
  const auto given =
      hand_over(socket.get(), (*instance)->door(), bells->workers, bells->shards, (*instance)->number());
  if (!given) return give_up(given.error());
  const auto peer = peer_credentials(socket.get());
  attached_.push_back({std::move(socket), std::move(*instance), peer ? peer->pid : 0});
  left_[attached_.back().instance->number()] = Left::kNever;
  ++attached_ever_;
  log::info("cardea-l7, process {}, has a door for {} shards (instance {})", attached_.back().process, request->shards,
            attached_.back().instance->number());
  return true;
}

bool L7Attachments::end(int socket, Left how) {
  const auto one = std::ranges::find(attached_, socket, [](const Attached& each) { return each.socket.get(); });
  if (one == attached_.end()) return false;
  log::info("cardea-l7, process {}, has left its door (instance {}){}", one->process, one->instance->number(),
            how == Left::kEnded ? "; what goes on with it is reset" : "");
  left_[one->instance->number()] = how;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket, nullptr);
  attached_.erase(one);
  return true;
}

bool L7Attachments::end_broken() {
  bool any = false;
  for (size_t i = attached_.size(); i-- > 0;) {
    if (!attached_[i].instance->is_broken()) continue;
    log::error("cardea-l7, process {}, has written nonsense into its door's memory", attached_[i].process);
    ++broken_ever_;
    any |= end(attached_[i].socket.get(), Left::kAway);
  }
  return any;
}

}  // namespace cardea::dataplane
