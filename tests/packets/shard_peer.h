// The other side of a door in a test: what shards of cardea-l7 read and write.
#pragma once

#include <optional>
#include <vector>

#include "tests/packets/site.h"

namespace cardea::dataplane::test {

class ShardPeer {
 public:
  ShardPeer(const L7Instance& instance, uint32_t shard)
      : up_(instance.door().up(0, shard), instance.door().shape().up_bytes),
        down_(instance.door().down(0, shard), instance.door().shape().down_bytes) {}

  struct Packet {
    std::vector<std::byte> ip;
    uint16_t flags = 0;
  };
  std::optional<Packet> take() {
    const auto record = up_.next();
    if (!record) return std::nullopt;
    Packet packet{{record->packet.begin(), record->packet.end()}, record->flags};
    up_.release();
    return packet;
  }
  // False: the pipe is full.
  bool give(Bytes ip) {
    const MutableBytes room = down_.reserve(uint32_t(ip.size()));
    if (room.data() == nullptr) return false;
    std::copy(ip.begin(), ip.end(), room.begin());
    down_.commit(uint32_t(ip.size()));
    return down_.publish();
  }

 private:
  PacketReader up_;
  PacketWriter down_;
};

// The IP packet of a frame.
inline std::vector<std::byte> ip_of(const std::vector<std::byte>& frame) {
  return {frame.begin() + 14, frame.end()};
}

}  // namespace cardea::dataplane::test
