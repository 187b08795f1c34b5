// Tokens that were verified: by a keyed hash of all their bytes, until they expire, so that a signature is computed once for
// a token and not for a request. A fixed number; what has to give way is verified again. Any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/flow_hash.h"
#include "l7/policy/token.h"

namespace cardea::l7::policy {

class TokenCache {
 public:
  TokenCache();

  // Null: it is not known, or known no more at that time (seconds since 1970).
  std::shared_ptr<const Claims> find(std::string_view token, double now) const;
  void keep(std::string_view token, std::shared_ptr<const Claims> claims, double now);

  static constexpr size_t kBuckets = 512, kPlaces = 8;

 private:
  struct Print {
    uint64_t first, second;
    bool operator==(const Print&) const = default;
  };
  struct Place {
    Print print;
    std::shared_ptr<const Claims> claims;
  };
  struct Bucket {
    mutable std::mutex mutex;  // held for a look at eight places
    Place places[kPlaces];
    size_t next = 0;  // to give way
  };
  Print print_of(std::string_view token) const;
  Bucket& bucket(const Print& print) const { return buckets_[print.first % kBuckets]; }

  const HashKey first_, second_;
  mutable std::vector<Bucket> buckets_;
};

}  // namespace cardea::l7::policy
