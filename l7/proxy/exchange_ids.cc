#include "l7/proxy/exchange_ids.h"

#include <random>

namespace cardea::l7::proxy {
namespace {

uint64_t drawn() {
  std::random_device draw;
  return uint64_t{draw()} << 32 | draw();
}

// Eight digits in one word: a digit's four bits to each byte, the highest in front, then all to letters at once.
uint64_t hex(uint32_t value) {
  uint64_t digits = value >> 16 | uint64_t{value & 0xffff} << 32;
  digits = (digits >> 8 & 0x000000ff000000ff) | (digits & 0x000000ff000000ff) << 16;
  digits = (digits >> 4 & 0x000f000f000f000f) | (digits & 0x000f000f000f000f) << 8;
  const uint64_t above_nine = (digits + 0x0606060606060606) >> 4 & 0x0101010101010101;
  return digits + 0x3030303030303030 + above_nine * ('a' - '0' - 10);
}

void write(char* to, uint64_t value) {
  store_native(to, hex(uint32_t(value >> 32)));
  store_native(to + 8, hex(uint32_t(value)));
}

uint64_t number(HashKey key, uint64_t count) {
  flow_hash_detail::Sip sip(key);
  sip.add(count);
  return sip.finish();
}

}  // namespace

ExchangeIds ExchangeIds::of_this_start() {
  return ExchangeIds({drawn(), drawn()});
}

// All zeroes, which is no trace's id, comes once in 2^128 times, or a span's in 2^64.
ExchangeIds::Id ExchangeIds::next() {
  Id id;
  write(id.data(), number(key_, ++count_));
  write(id.data() + 16, number(key_, ++count_));
  return id;
}

ExchangeIds::SpanId ExchangeIds::next_span() {
  SpanId id;
  write(id.data(), number(key_, ++count_));
  return id;
}

}  // namespace cardea::l7::proxy
