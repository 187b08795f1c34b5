// Toeplitz, a bit at a time: it is asked for ICMP errors and explanations alone.
#include "dataplane/state/steering.h"

#include <array>
#include <cstring>

#include "base/bytes.h"

namespace cardea::dataplane {
namespace {

constexpr size_t kKeyMin = 40;  // 36 bytes of input and the 32 bits behind them

// The hash's input in network order: source, destination, source port, destination port.
struct Input {
  std::array<uint8_t, 36> bytes{};
  size_t size = 0;
  void add(const void* from, size_t count) {
    std::memcpy(bytes.data() + size, from, count);
    size += count;
  }
};

Input input_of(const FlowTuple& tuple, bool ports) {
  Input input;
  const bool v4 = tuple.source.is_v4();
  for (const IpAddress* address : {&tuple.source, &tuple.destination})
    input.add(address->bytes.data() + (v4 ? 12 : 0), v4 ? 4 : 16);
  if (!ports) return input;
  input.add(&tuple.source_port_be, 2);
  input.add(&tuple.destination_port_be, 2);
  return input;
}

}  // namespace

uint32_t Steering::hash_of(const FlowTuple& tuple) const {
  if (key.size() < kKeyMin) return 0;
  const Input input = input_of(tuple, tuple.protocol == Protocol::kTcp ? tcp_ports : udp_ports);
  uint32_t hash = 0;
  uint32_t window = load_be32(reinterpret_cast<const std::byte*>(key.data()));
  for (size_t bit = 0; bit < input.size * 8; ++bit) {
    if (input.bytes[bit / 8] & (0x80 >> bit % 8)) hash ^= window;
    const size_t next = bit + 32;
    window = window << 1 | (key[next / 8] >> (7 - next % 8) & 1);
  }
  return hash;
}

}  // namespace cardea::dataplane
