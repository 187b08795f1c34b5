// TCP's options as values (RFC 9293 3.2, 7323, 2018): maximum segment size, window scale, SACK permitted, SACK blocks
// and timestamps. Unknown ones are skipped; at one whose length cannot be right reading ends, and what stood before it
// counts. They are written in the order that Linux uses, which every middlebox has seen.
#pragma once

#include <array>

#include "base/bytes.h"
#include "l7/tcp/sequence.h"

namespace cardea::l7::tcp {

inline constexpr size_t kOptionsMax = 40, kSacksMax = 4;
inline constexpr uint8_t kWindowScaleMax = 14;  // RFC 7323 2.3: a larger one is read as this

struct Options {
  uint16_t mss = 0;  // 0: absent, as is a 0 that the peer sent
  uint8_t window_scale = 0;
  uint8_t sack_count = 0;
  bool has_window_scale = false;
  bool sack_permitted = false;
  bool has_timestamps = false;
  uint32_t ts_value = 0, ts_echo = 0;
  std::array<SeqRange, kSacksMax> sacks{};  // as sent: neither sorted nor checked
};

// `syn`: MSS, window scale and SACK permitted are read there only.
Options read_options(Bytes bytes, bool syn);

// Bytes, a multiple of four.
size_t size_of(const Options& options);
// Writes size_of(options) bytes.
void write_options(const Options& options, std::byte* at);

}  // namespace cardea::l7::tcp
