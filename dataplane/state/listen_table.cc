// Building the listen table: at most half full, so that a probe that misses ends soon.
#include "dataplane/state/listen_table.h"

#include <bit>
#include <cstring>

namespace cardea::dataplane {

ListenTable::ListenTable(std::span<const ListenEntry> listens, std::span<const AddressEntry> addresses)
    : cells_(std::bit_ceil((listens.size() + addresses.size()) * 2 + 2)), mask_(cells_.size() - 1) {
  for (const ListenEntry& e : listens) put(e.address, key_of(e.port_be, uint8_t(e.protocol)), e.service);
  for (const AddressEntry& e : addresses)
    put(e.address, kAddressKey, uint32_t{e.use} | probe(e.address, kAddressKey, 0));
}

void ListenTable::put(const IpAddress& address, uint32_t key, uint32_t value) {
  Cell cell{0, 0, key, value};
  std::memcpy(&cell.high, address.bytes.data(), 8);
  std::memcpy(&cell.low, address.bytes.data() + 8, 8);
  uint64_t at = mix(cell.high, cell.low, key) & mask_;
  while (cells_[at].key != kEmpty &&
         !(cells_[at].key == key && cells_[at].high == cell.high && cells_[at].low == cell.low))
    at = (at + 1) & mask_;
  cells_[at] = cell;
}

}  // namespace cardea::dataplane
