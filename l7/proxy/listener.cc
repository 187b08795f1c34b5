#include "l7/proxy/listener.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include <chrono>
#include <iterator>
#include <memory>

#include "base/log.h"
#include "base/stats.h"
#include "l7/proxy/let_in.h"
#include "l7/proxy/live_service.h"
#include "l7/proxy/shard.h"
#include "l7/runtime/socket_address.h"
#include "l7/runtime/spawn.h"

namespace cardea::l7::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kShortagePause = 100ms;  // what is short (descriptors, memory) comes back when connections end

// Behind 0.0.0.0 and :: every connection has an address of its own; elsewhere it saves a call to know it.
Endpoint if_specific(const Endpoint& at) {
  return at.address == IpAddress{} || at.address == IpAddress::v4(0) ? Endpoint{} : at;
}

// From here on handshakes that have begun are completed, and no other is answered: its sender tries again, and then
// meets whoever listens there, or a reset. A socket that is closed resets them all. What the filter sees begins with
// the TCP header; what it lets through is cut to the length that it returns.
Result<> answer_no_more(int listening_fd) {
  constexpr uint32_t kFlagsAt = 13, kSyn = 0x02, kAck = 0x10, kDrop = 0, kAll = UINT32_MAX;
  sock_filter rows[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlagsAt),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kSyn | kAck),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kSyn, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, kDrop),
      BPF_STMT(BPF_RET | BPF_K, kAll),
  };
  const sock_fprog program{.len = std::size(rows), .filter = rows};
  if (::setsockopt(listening_fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0) return {};
  return fail_errno("stop answering on a listening socket");
}

}  // namespace

ServiceListener* ServiceListener::start(Shard& shard, LiveService& service, FileDescriptor socket) {
  auto owner = std::make_unique<ServiceListener>(shard, service, std::move(socket));
  ServiceListener* self = owner.get();
  spawn(shard.loop(), accept_all, std::move(owner));
  return self;
}

ServiceListener::ServiceListener(Shard& shard, LiveService& service, FileDescriptor socket)
    : LoopTimer([](LoopTimer& timer) { static_cast<ServiceListener&>(timer).end(); }),
      shard_(shard),
      service_(&service),
      socket_(socket.get()),
      listener_(shard.loop(), std::move(socket)),
      local_(if_specific(listener_.local())),
      arena_(shard.loop().chunks()) {}

Task<> ServiceListener::accept_all(ServiceListener& self) {
  for (;;) {
    Result<Accepted> accepted = co_await self.listener_.accept();
    if (accepted) {
      self.take_in(std::move(*accepted));
      continue;
    }
    if (self.listener_.closed()) co_return;
    stats::add(self.shard_.cells() + self.shard_.shared().rows.accept_failures, 1);
    co_await self.shard_.loop().sleep_until(self.shard_.loop().now() + kShortagePause);
  }
}

void ServiceListener::leave() {
  shard_.keep(*service_);
  if (auto done = answer_no_more(socket_); !done) {
    log::warning("{}: connections that are being opened are reset", done.error().message);
    return end();
  }
  shard_.loop().arm(*this, shard_.loop().now() + kLeaveTime);
}

// What the kernel has queued is let in; the turn ends with accept_all(), and this with it.
void ServiceListener::end() {
  cancel();
  const FileDescriptor socket = listener_.take();
  for (;;) {
    SocketAddress peer;
    FileDescriptor queued(::accept4(socket.get(), peer.data(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!queued) break;
    take_in({std::move(queued), peer.endpoint()});
  }
  shard_.give_back(*service_, *this);
}

void ServiceListener::pass_on() {
  listener_.take();
}

FileDescriptor ServiceListener::copy() const {
  return FileDescriptor(::fcntl(socket_, F_DUPFD_CLOEXEC, 0));
}

void ServiceListener::take_in(Accepted accepted) {
  accepted.local = local_;
  let_in(shard_, *service_, std::move(accepted));
}

}  // namespace cardea::l7::proxy
