#include "l7/policy/base64url.h"

#include <array>
#include <cstdint>

namespace cardea::l7::policy {
namespace {

constexpr uint8_t kNone = 0xff;

constexpr std::array<uint8_t, 256> kDigits = [] {
  std::array<uint8_t, 256> digits{};
  digits.fill(kNone);
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (size_t i = 0; i < kAlphabet.size(); ++i) digits[uint8_t(kAlphabet[i])] = uint8_t(i);
  return digits;
}();

}  // namespace

std::optional<std::string> decode_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return {};
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  uint32_t kept = 0;
  int bits = 0;
  for (const char c : text) {
    const uint8_t digit = kDigits[uint8_t(c)];
    if (digit == kNone) return {};
    kept = (kept << 6 | digit) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += char(kept >> bits);
  }
  if ((kept & ((1u << bits) - 1)) != 0) return {};
  return bytes;
}

}  // namespace cardea::l7::policy
