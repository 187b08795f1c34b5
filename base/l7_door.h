// The memory between cardea-dataplane and one cardea-l7 that runs its own TCP: for each pair of a worker and a shard two
// pipes of IP packets, up (to the shard) and down (to the wire), and for each worker and each shard a word that says that
// it sleeps. The dataplane makes it, seals its size before it hands it over, and keeps a fresh one for each instance; who
// has died is known by the socket it was handed over by. Packets have no link header.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/cache_line.h"
#include "base/error.h"
#include "base/file_descriptor.h"
#include "base/packet_pipe.h"
#include "base/shared_bell.h"

namespace cardea {

// Of packets, both ways.
inline constexpr uint16_t kChecksumGood = 1;  // up: TCP's checksum was looked at, by the NIC or the dataplane

class L7Door {
 public:
  static constexpr uint32_t kWorkersMax = 64, kShardsMax = 128;  // with its memory in one message (SCM_MAX_FD)
  struct Shape {
    uint32_t workers = 0, shards = 0;
    uint32_t up_bytes = 0, down_bytes = 0;  // capacities of the pipes (PacketPipe::is_capacity)
    bool operator==(const Shape&) const = default;
  };
  // Pipes as large as is useful, all of them together at most `bytes_max` unless the smallest are more.
  static Shape shape(uint32_t workers, uint32_t shards, uint64_t bytes_max);

  // The dataplane's: zeroed memory, its size sealed, mapped.
  static Result<L7Door> create(const Shape& shape);
  // cardea-l7's: an Error where the memory could shrink, or is not what it says.
  static Result<L7Door> map(FileDescriptor memory);
  L7Door(L7Door&& other) noexcept;
  L7Door& operator=(L7Door&&) = delete;
  ~L7Door();

  const Shape& shape() const { return shape_; }
  int memory_fd() const { return memory_.get(); }
  PacketPipe& up(uint32_t worker, uint32_t shard) const;
  PacketPipe& down(uint32_t worker, uint32_t shard) const;
  std::atomic<uint32_t>& worker_asleep(uint32_t worker) const;
  std::atomic<uint32_t>& shard_asleep(uint32_t shard) const;

 private:
  L7Door(FileDescriptor memory, std::byte* at, const Shape& shape)
      : memory_(std::move(memory)), at_(at), shape_(shape) {}
  std::atomic<uint32_t>& asleep(uint32_t index) const;
  std::byte* pair(uint32_t worker, uint32_t shard) const;

  FileDescriptor memory_;
  std::byte* at_ = nullptr;
  Shape shape_;
};

}  // namespace cardea
