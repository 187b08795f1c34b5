// One shard's end of a door that is attached: packets from every worker, packets to them, and the bells. What lies in
// the shared memory is copied before anybody looks at it. One thread.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "l7/door/attached_door.h"

namespace cardea::l7::door {

class Wire {
 public:
  Wire(std::shared_ptr<AttachedDoor> door, uint32_t shard);

  // The next packet of a worker, in memory that is this shard's until the next call.
  struct Packet {
    Bytes bytes;
    uint16_t flags = 0;
  };
  std::optional<Packet> next(uint32_t worker);
  void release();  // what was read is the workers' again: once a turn

  // Room for a packet of `size` bytes, to be sent by send() with what it came to; nothing: the pipe is full. Packets of
  // one connection go one way.
  MutableBytes room(uint32_t size);
  bool send(uint32_t size);  // false: its pipe is full, and the packet is lost
  void publish();            // and ring: once a turn

  bool empty() const;   // no worker has anything for this shard
  bool broken() const;  // some pipe does not add up
  uint32_t workers() const { return uint32_t(up_.size()); }
  uint32_t instance() const { return door_->instance; }
  uint32_t shards() const { return door_->memory.shape().shards; }
  int bell_fd() const { return door_->shard_bells[shard_].get(); }
  const SharedBell& bell() const { return bell_; }
  AttachedDoor& door() { return *door_; }

 private:
  static uint32_t way_of(Bytes packet, uint32_t ways);

  std::shared_ptr<AttachedDoor> door_;
  const uint32_t shard_;
  std::vector<PacketReader> up_;
  std::vector<PacketWriter> down_;
  std::vector<SharedBell> worker_bells_;
  SharedBell bell_;
  std::array<std::byte, PacketPipe::kPacketMax> taken_, made_;
};

}  // namespace cardea::l7::door
