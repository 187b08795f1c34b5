// A database in MaxMind's format as it lies in memory (mmdb 2.0): its tree of networks, and the data that its leaves name.
// Of our own: Debian 12's libmaxminddb reads beyond a file whose tree is told to be larger, and goes as deep as data says.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace cardea::l7::policy {

class GeoTree {
 public:
  struct Record {
    enum Kind : uint8_t { kNode, kNothing, kData, kInvalid };
    Kind kind = kInvalid;
    uint32_t at = 0;  // the node's number, or the data's offset
  };

  // It views the bytes.
  static Result<GeoTree> read(std::string_view bytes);

  bool has_ipv6() const { return ipv6_; }
  uint32_t nodes() const { return nodes_; }
  Record record(uint32_t node, bool right) const;  // node: below nodes()
  // Where IPv4 begins: below ::/96, or at the root.
  Record ipv4_root() const;
  std::string_view data() const { return data_; }

 private:
  uint32_t number(uint32_t node, bool right) const;

  std::string_view tree_, data_;
  uint32_t nodes_ = 0;
  unsigned record_bits_ = 24;
  bool ipv6_ = false;
};

}  // namespace cardea::l7::policy
