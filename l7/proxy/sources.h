// How many connections each client's address has on this host, over all shards: for services that limit it. Counts lie
// in two tables by keyed hashes, and the smaller of an address's two counts: an outsider cannot choose whom it collides
// with, the memory is the same for any number of addresses, and no shard waits for another.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "base/flow_hash.h"
#include "base/ip.h"

namespace cardea::l7::proxy {

class Sources {
 public:
  Sources();

  // One connection among its address's, until it is destroyed; empty: it is one too many.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : of_(std::exchange(other.of_, nullptr)), hash_(other.hash_) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(of_, other.of_), std::swap(hash_, other.hash_);
      return *this;
    }
    ~Place() {
      if (of_) of_->leave(hash_);
    }
    explicit operator bool() const { return of_ != nullptr; }

   private:
    friend class Sources;
    Place(Sources& of, uint64_t hash) : of_(&of), hash_(hash) {}
    Sources* of_ = nullptr;
    uint64_t hash_ = 0;
  };
  // Of all addresses of an IPv6 /64 together, which are one client's.
  Place enter(std::string_view service, const IpAddress& client, uint32_t max);

 private:
  static constexpr size_t kCells = 1 << 16;
  using Table = std::array<std::atomic<uint32_t>, kCells>;
  std::atomic<uint32_t>& first(uint64_t hash) { return (*tables_)[0][hash % kCells]; }
  std::atomic<uint32_t>& second(uint64_t hash) { return (*tables_)[1][(hash >> 32) % kCells]; }
  void leave(uint64_t hash);

  HashKey key_;
  std::unique_ptr<std::array<Table, 2>> tables_;  // half a megabyte
};

}  // namespace cardea::l7::proxy
