#include "l7/handover/successor.h"

#include <poll.h>

#include <chrono>
#include <utility>

namespace cardea::l7::handover {
namespace {
using namespace std::chrono_literals;
constexpr auto kPatience = 30s;  // plans with thousands of certificates take some
}  // namespace

Result<Successor> Successor::greet(FileDescriptor socket, const Offer& offer, Instant now) {
  if (auto done = send_offer(socket.get(), offer); !done) return std::unexpected(std::move(done.error()));
  return Successor(std::move(socket), offer.sockets.size(), now + kPatience);
}

std::optional<Result<Serving>> Successor::look(Instant now) {
  pollfd end{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&end, 1, 0) > 0) return receive_serving(socket_.get(), offered_);
  if (now >= until_) return fail("it did not come to serve in time");
  return std::nullopt;
}

}  // namespace cardea::l7::handover
