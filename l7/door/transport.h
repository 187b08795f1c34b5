// A TCP connection, the kernel's or our own, in place: who holds one needs not know which. And what a listener of either
// kind yields.
#pragma once

#include <variant>

#include "l7/door/shard_door.h"
#include "l7/door/tcp_stream.h"
#include "l7/runtime/kernel_stream.h"
#include "l7/runtime/listener.h"

namespace cardea::l7::door {

// A connection that a peer opened: whoever takes it makes a Transport of it, or refuses it.
struct Arrived {
  struct Ours {
    ShardDoor* door = nullptr;
    tcp::ConnectionId id;
  };
  Arrived(Accepted accepted) : of(std::move(accepted.socket)), peer(accepted.peer), local(accepted.local) {}
  Arrived(ShardDoor& door, tcp::ConnectionId id, const Endpoint& at, const Endpoint& from)
      : of(Ours{&door, id}), peer(from), local(at) {}

  std::variant<FileDescriptor, Ours> of;
  Endpoint peer, local;  // local's port 0: not known yet
};
void refuse(Arrived arrived);  // by a reset

class Transport {
 public:
  Transport(Loop& loop, Arrived arrived);
  explicit Transport(Loop& loop) : tcp_(std::in_place_type<KernelStream>, loop) {}  // to be connected
  Transport(const Transport&) = delete;

  Stream& stream() {
    auto* kernel = std::get_if<KernelStream>(&tcp_);
    return kernel ? static_cast<Stream&>(*kernel) : std::get<TcpStream>(tcp_);
  }
  const Stream& stream() const { return const_cast<Transport&>(*this).stream(); }

  // Of one that is to be connected. Starts to dial by our own TCP where that leads to `to`: its answer is awaited by
  // writable() and connected(). Null: it does not lead there, and kernel() is to be connected.
  Result<TcpStream*> dial(ShardDoor* door, const Endpoint& to);
  KernelStream& kernel() { return std::get<KernelStream>(tcp_); }

 private:
  std::variant<KernelStream, TcpStream> tcp_;
};

}  // namespace cardea::l7::door
