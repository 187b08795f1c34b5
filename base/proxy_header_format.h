// Numbers and words of the PROXY protocol, for its writer and its reader.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cardea::proxy_format {

using std::string_view_literals::operator""sv;

// Version 1.
inline constexpr std::string_view kLineStart = "PROXY ";
inline constexpr std::string_view kUnknownLine = "PROXY UNKNOWN\r\n";
inline constexpr size_t kLineMax = 107;  // with its CR LF

// Version 2.
inline constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
inline constexpr size_t kFixed = 16;  // signature, version and command, family and transport, length of the rest
inline constexpr uint8_t kLocal = 0x20, kProxy = 0x21;
inline constexpr uint8_t kTcp4 = 0x11, kTcp6 = 0x21;
inline constexpr size_t kAddresses4 = 12, kAddresses6 = 36;  // both addresses and ports

enum Fact : uint8_t {
  kAlpn = 0x01,
  kAuthority = 0x02,
  kChecksum = 0x03,
  kSsl = 0x20,
  kSslVersion = 0x21,
  kSslCipher = 0x23
};
inline constexpr size_t kFactHead = 3;
inline constexpr size_t kNameMax = 255;  // of an authority and of a protocol
inline constexpr uint8_t kClientSsl = 0x01;
inline constexpr uint32_t kUnverified = 1;  // the client showed no certificate

// CRC32c (RFC 4960 appendix B).
constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value & 1 ? value >> 1 ^ 0x82f63b78u : value >> 1;
    table[i] = value;
  }
  return table;
}
inline constexpr std::array<uint32_t, 256> kCrcTable = crc_table();

// Goes on from `crc`, which begins as ~0 and is inverted in the end.
inline uint32_t crc32c(uint32_t crc, std::string_view bytes) {
  for (const char c : bytes) crc = crc >> 8 ^ kCrcTable[(crc ^ uint8_t(c)) & 0xff];
  return crc;
}

}  // namespace cardea::proxy_format
