#include "l7/tcp/options.h"

#include <algorithm>

namespace cardea::l7::tcp {
namespace {

enum Kind : uint8_t { kEnd = 0, kNop = 1, kMss = 2, kWindowScale = 3, kSackPermitted = 4, kSack = 5, kTimestamps = 8 };

void read_sacks(Bytes value, Options& options) {
  if (value.empty() || value.size() % 8 != 0) return;
  options.sack_count = uint8_t(std::min(value.size() / 8, kSacksMax));
  for (size_t i = 0; i < options.sack_count; i++)
    options.sacks[i] = {load_be32(value.data() + 8 * i), load_be32(value.data() + 8 * i + 4)};
}

void read_of_syn(uint8_t kind, Bytes value, Options& options) {
  if (kind == kMss && value.size() == 2) options.mss = load_be16(value.data());
  if (kind == kSackPermitted && value.empty()) options.sack_permitted = true;
  if (kind == kWindowScale && value.size() == 1) {
    options.has_window_scale = true;
    options.window_scale = std::min(uint8_t(value[0]), kWindowScaleMax);
  }
}

void read_option(uint8_t kind, Bytes value, bool syn, Options& options) {
  if (syn) read_of_syn(kind, value, options);
  if (kind == kSack && !syn) read_sacks(value, options);
  if (kind == kTimestamps && value.size() == 8) {
    options.has_timestamps = true;
    options.ts_value = load_be32(value.data());
    options.ts_echo = load_be32(value.data() + 4);
  }
}

std::byte* put(std::byte* at, std::initializer_list<uint8_t> bytes) {
  for (uint8_t byte : bytes) *at++ = std::byte(byte);
  return at;
}

std::byte* put_timestamps(const Options& options, std::byte* at) {
  at = options.sack_permitted ? put(at, {kSackPermitted, 2}) : put(at, {kNop, kNop});
  at = put(at, {kTimestamps, 10});
  store_be32(at, options.ts_value);
  store_be32(at + 4, options.ts_echo);
  return at + 8;
}

}  // namespace

Options read_options(Bytes bytes, bool syn) {
  Options options;
  while (!bytes.empty()) {
    const auto kind = uint8_t(bytes[0]);
    if (kind == kEnd) break;
    if (kind == kNop) {
      bytes = bytes.subspan(1);
      continue;
    }
    if (bytes.size() < 2) break;
    const auto size = size_t(bytes[1]);
    if (size < 2 || size > bytes.size()) break;
    read_option(kind, bytes.subspan(2, size - 2), syn, options);
    bytes = bytes.subspan(size);
  }
  return options;
}

size_t size_of(const Options& options) {
  size_t size = 0;
  if (options.mss) size += 4;
  if (options.has_timestamps)
    size += 12;
  else if (options.sack_permitted)
    size += 4;
  if (options.has_window_scale) size += 4;
  if (options.sack_count) size += 4 + 8 * size_t{options.sack_count};
  return size;
}

void write_options(const Options& options, std::byte* at) {
  if (options.mss) at = put(at, {kMss, 4, uint8_t(options.mss >> 8), uint8_t(options.mss)});
  if (options.has_timestamps)
    at = put_timestamps(options, at);
  else if (options.sack_permitted)
    at = put(at, {kNop, kNop, kSackPermitted, 2});
  if (options.has_window_scale) at = put(at, {kNop, kWindowScale, 3, options.window_scale});
  if (!options.sack_count) return;
  at = put(at, {kNop, kNop, kSack, uint8_t(2 + 8 * options.sack_count)});
  for (size_t i = 0; i < options.sack_count; i++, at += 8) {
    store_be32(at, options.sacks[i].start);
    store_be32(at + 4, options.sacks[i].end);
  }
}

}  // namespace cardea::l7::tcp
