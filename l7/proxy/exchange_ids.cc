#include "l7/proxy/exchange_ids.h"

#include <random>

namespace cardea::l7::proxy {
namespace {

uint64_t drawn() {
  std::random_device draw;
  return uint64_t{draw()} << 32 | draw();
}

void write(char* to, uint64_t value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) *to++ = kHex[value >> shift & 15];
}

uint64_t number(HashKey key, uint64_t count) {
  return text_hash(key, {reinterpret_cast<const char*>(&count), sizeof count});
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
