// Which service listens on an address, port and protocol, and which addresses are the NAT's: one open-addressed table,
// built with the plan and never changed. An address has an entry of its own beside those of its ports, so that packets
// without ports (fragments) and NAT replies are told apart by one more probe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ip.h"

namespace cardea::dataplane {

using ServiceId = uint16_t;
inline constexpr ServiceId kNoService = 0xffff;

enum AddressUse : uint8_t {
  kServiceAddress = 1,  // a service listens on it
  kNatAddress = 2,      // replies to fullnat flows come to it
  kPortAddress = 4,     // the kernel uses it too
};

struct ListenEntry {
  IpAddress address;
  uint16_t port_be = 0;
  Protocol protocol = Protocol::kTcp;
  ServiceId service = kNoService;
};
struct AddressEntry {
  IpAddress address;
  uint8_t use = 0;  // AddressUse
};

class ListenTable {
 public:
  ListenTable() = default;
  // Precondition: no two entries with the same address, port and protocol. Uses of one address are put together.
  ListenTable(std::span<const ListenEntry> listens, std::span<const AddressEntry> addresses);

  ServiceId find(const IpAddress& address, uint16_t port_be, Protocol protocol) const {
    return ServiceId(probe(address, key_of(port_be, uint8_t(protocol)), kNoService));
  }
  uint8_t use_of(const IpAddress& address) const { return uint8_t(probe(address, kAddressKey, 0)); }

 private:
  static constexpr uint32_t kEmpty = 0, kAddressKey = 0xff0000;
  struct Cell {
    uint64_t high = 0, low = 0;
    uint32_t key = kEmpty;  // port and protocol
    uint32_t value = 0;
  };
  static uint32_t key_of(uint16_t port_be, uint8_t protocol) { return uint32_t{port_be} | uint32_t{protocol} << 16; }
  static uint64_t mix(uint64_t high, uint64_t low, uint32_t key) {
    const uint64_t product = (high ^ (low * 0x9e3779b97f4a7c15ull) ^ key) * 0xd6e8feb86659fd93ull;
    return product ^ product >> 32;
  }
  uint32_t probe(const IpAddress& address, uint32_t key, uint32_t otherwise) const;
  void put(const IpAddress& address, uint32_t key, uint32_t value);

  std::vector<Cell> cells_{Cell{}};
  uint64_t mask_ = 0;
};

inline uint32_t ListenTable::probe(const IpAddress& address, uint32_t key, uint32_t otherwise) const {
  uint64_t half[2];
  __builtin_memcpy(half, address.bytes.data(), sizeof half);
  for (uint64_t at = mix(half[0], half[1], key) & mask_;; at = (at + 1) & mask_) {
    const Cell& cell = cells_[at];
    if (cell.key == kEmpty) return otherwise;
    if (cell.low == half[1] && cell.high == half[0] && cell.key == key) return cell.value;
  }
}

}  // namespace cardea::dataplane
