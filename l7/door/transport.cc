#include "l7/door/transport.h"

#include <sys/socket.h>

#include <utility>

namespace cardea::l7::door {

void refuse(Arrived arrived) {
  if (const auto* ours = std::get_if<Arrived::Ours>(&arrived.of)) return ours->door->leave(ours->id, Close::kReset);
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(std::get<FileDescriptor>(arrived.of).get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

Transport::Transport(Loop& loop, Arrived arrived) : tcp_(std::in_place_type<KernelStream>, loop) {
  if (const auto* ours = std::get_if<Arrived::Ours>(&arrived.of)) {
    tcp_.emplace<TcpStream>(*ours->door, ours->id, arrived.local, arrived.peer);
  } else {
    tcp_.emplace<KernelStream>(loop, std::move(std::get<FileDescriptor>(arrived.of)), arrived.peer, arrived.local);
  }
}

Result<TcpStream*> Transport::dial(ShardDoor* door, const Endpoint& to) {
  const auto source = door ? door->source_towards(to.address) : std::nullopt;
  if (!source) return nullptr;
  const auto dialled = door->dial(*source, to);
  if (!dialled) return std::unexpected(dialled.error());
  return &tcp_.emplace<TcpStream>(*door, dialled->first, dialled->second, to);
}

}  // namespace cardea::l7::door
