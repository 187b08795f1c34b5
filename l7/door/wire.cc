#include "l7/door/wire.h"

#include <algorithm>
#include <cstring>

namespace cardea::l7::door {

Wire::Wire(std::shared_ptr<AttachedDoor> door, uint32_t shard) : door_(std::move(door)), shard_(shard) {
  const L7Door& memory = door_->memory;
  const L7Door::Shape& shape = memory.shape();
  for (uint32_t worker = 0; worker < shape.workers; ++worker) {
    up_.emplace_back(memory.up(worker, shard), shape.up_bytes);
    down_.emplace_back(memory.down(worker, shard), shape.down_bytes);
    worker_bells_.emplace_back(memory.worker_asleep(worker), door_->worker_bells[worker].get());
  }
  bell_ = SharedBell(memory.shard_asleep(shard), bell_fd());
}

std::optional<Wire::Packet> Wire::next(uint32_t worker) {
  const auto record = up_[worker].next();
  if (!record) return std::nullopt;
  std::memcpy(taken_.data(), record->packet.data(), record->packet.size());
  return Packet{Bytes(taken_).first(record->packet.size()), record->flags};
}

void Wire::release() {
  for (PacketReader& reader : up_) reader.release();
}

// Any spread will do that is the same for all packets of a connection: the addresses' last bytes and the ports.
uint32_t Wire::way_of(Bytes packet, uint32_t ways) {
  const bool v4 = (uint8_t(packet[0]) >> 4) == 4;
  const size_t destination = v4 ? 16 : 36, ports = v4 ? 20 : 40;
  if (packet.size() < ports + 4) return 0;
  const uint64_t mixed = load_native<uint32_t>(&packet[destination]) ^ load_native<uint32_t>(&packet[ports]);
  return uint32_t((mixed * 0x9e3779b97f4a7c15ull >> 32) * ways >> 32);
}

// With one worker the packet is made where it will lie.
MutableBytes Wire::room(uint32_t size) {
  if (down_.size() == 1) return down_[0].reserve(size);
  const bool all = std::ranges::all_of(down_, [&](PacketWriter& writer) { return !writer.reserve(size).empty(); });
  return all ? MutableBytes(made_).first(size) : MutableBytes();
}

bool Wire::send(uint32_t size) {
  if (down_.size() == 1) {
    down_[0].commit(size);
    return true;
  }
  PacketWriter& writer = down_[way_of(Bytes(made_).first(size), uint32_t(down_.size()))];
  const MutableBytes room = writer.reserve(size);
  if (room.empty()) return false;
  std::memcpy(room.data(), made_.data(), size);
  writer.commit(size);
  return true;
}

void Wire::publish() {
  for (size_t i = 0; i < down_.size(); ++i)
    if (down_[i].publish()) worker_bells_[i].ring();
}

bool Wire::empty() const {
  return std::ranges::all_of(up_, [](const PacketReader& reader) { return reader.empty(); });
}

bool Wire::broken() const {
  return std::ranges::any_of(up_, [](const PacketReader& reader) { return reader.broken(); }) ||
         std::ranges::any_of(down_, [](const PacketWriter& writer) { return writer.broken(); });
}

}  // namespace cardea::l7::door
