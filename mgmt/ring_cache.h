// Rings that were built once are not built again: looked up by everything that determines them (the members' keys and
// weights, and the size). Building costs about a millisecond; a plan of a thousand pools of which one changed costs
// one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/maglev.h"

namespace cardea::mgmt {

struct Ring {
  std::vector<uint16_t> slots;
  std::vector<uint32_t> slots_of;  // member → how many slots it has
};

struct RingRequest {
  std::vector<RingMember> members;
  uint32_t size = kRingSizeDefault;
  bool operator==(const RingRequest& other) const;
};

class RingCache {
 public:
  using RingPointer = std::shared_ptr<const Ring>;

  // One ring a request, in their order; those that are missing are built on all cores that the process may use.
  Result<std::vector<RingPointer>> rings(std::span<const RingRequest> requests);
  void trim();  // forgets rings that nobody else holds any more
  uint64_t built() const { return built_; }
  size_t size() const { return rings_.size(); }

 private:
  struct Entry {
    RingRequest request;
    RingPointer ring;
  };
  RingPointer find(const RingRequest& request, uint64_t content) const;

  std::unordered_multimap<uint64_t, Entry> rings_;  // by a hash of the content
  uint64_t built_ = 0;
};

}  // namespace cardea::mgmt
