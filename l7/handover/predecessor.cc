#include "l7/handover/predecessor.h"

#include <unistd.h>

#include "base/systemd.h"

namespace cardea::l7::handover {

Result<Predecessor> Predecessor::meet(FileDescriptor socket) {
  auto offer = receive_offer(socket.get());
  if (!offer) return std::unexpected(std::move(offer.error()));
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO})
    if (::dup2(offer->log.get(), fd) < 0) return fail_errno("write where the process before does");
  systemd::know(offer->service_manager);
  return Predecessor(std::move(socket), std::move(*offer));
}

Result<> Predecessor::succeed(const Serving& serving) {
  if (auto told = send_serving(socket_.get(), serving); !told) return told;
  return receive_yours(socket_.get());
}

}  // namespace cardea::l7::handover
