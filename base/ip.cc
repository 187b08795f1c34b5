#include "base/ip.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/bytes.h"
#include "base/check.h"

namespace cardea {
namespace {

constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::unexpected<Error> refuse(std::string_view text, std::string_view expected) {
  return fail(fmt::format("\"{}\" is not {}", text.substr(0, 80), expected), Origin::kOperator);
}

// Decimal digits only, without sign or leading zeros.
std::optional<uint32_t> parse_decimal(std::string_view text, uint32_t min, uint32_t max) {
  uint32_t value = 0;
  if (text.empty() || (text.size() > 1 && text[0] == '0') || text[0] == '-') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < min || value > max) return std::nullopt;
  return value;
}

std::string v4_text(const uint8_t* b) {
  return fmt::format("{}.{}.{}.{}", b[0], b[1], b[2], b[3]);
}

struct GroupRun {
  int start = 0, length = 0;
};

// RFC 5952 4.2: the longest run of zero groups, the first of equals, never a single one.
GroupRun longest_zero_run(const std::array<uint16_t, 8>& groups) {
  GroupRun best, run;
  for (int i = 0; i < 8; ++i) {
    run = groups[i] != 0 ? GroupRun{i + 1, 0} : GroupRun{run.start, run.length + 1};
    if (run.length > best.length) best = run;
  }
  return best.length >= 2 ? best : GroupRun{};
}

std::string v6_text(const uint8_t* bytes) {
  std::array<uint16_t, 8> groups;
  for (size_t i = 0; i < 8; ++i) groups[i] = load_be16(bytes + 2 * i);
  const GroupRun gap = longest_zero_run(groups);
  std::string text;
  for (int i = 0; i < 8; ++i) {
    if (gap.length > 0 && i == gap.start) {
      text += "::";
      i += gap.length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    fmt::format_to(std::back_inserter(text), "{:x}", groups[i]);
  }
  return text;
}

}  // namespace

IpAddress IpAddress::v4_bytes(const void* four_bytes) {
  IpAddress address;
  std::ranges::copy(kMapped, address.bytes.begin());
  std::memcpy(address.bytes.data() + 12, four_bytes, 4);
  return address;
}

IpAddress IpAddress::v4(uint32_t host_order) {
  std::array<uint8_t, 4> four;
  store_be32(four.data(), host_order);
  return v4_bytes(four.data());
}

IpAddress IpAddress::v6_bytes(const void* sixteen_bytes) {
  IpAddress address;
  std::memcpy(address.bytes.data(), sixteen_bytes, 16);
  return address;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN + 1] = {};
  std::array<uint8_t, 16> parsed;
  // inet_pton takes neither zones, brackets, spaces nor octets with leading zeros; a NUL inside would hide what
  // follows.
  if (text.size() < sizeof terminated && text.find('\0') == text.npos) {
    std::ranges::copy(text, terminated);
    if (inet_pton(AF_INET, terminated, parsed.data()) == 1) return v4_bytes(parsed.data());
    if (inet_pton(AF_INET6, terminated, parsed.data()) == 1) return v6_bytes(parsed.data());
  }
  return refuse(text, "an IP address (expected one like 192.0.2.1 or 2001:db8::1)");
}

bool IpAddress::is_v4() const {
  return std::memcmp(bytes.data(), kMapped.data(), kMapped.size()) == 0;
}

uint32_t IpAddress::v4_host_order() const {
  DCHECK(is_v4());
  return load_be32(v4_data());
}

std::string IpAddress::text() const {
  return is_v4() ? v4_text(v4_data()) : v6_text(bytes.data());
}

std::string_view name(Protocol protocol) {
  return protocol == Protocol::kTcp ? "tcp" : "udp";
}

Result<Prefix> Prefix::parse(std::string_view text) {
  constexpr std::string_view kExpected = "a prefix (expected one like 192.0.2.0/24 or 2001:db8::/32)";
  const size_t slash = text.find('/');
  if (slash == text.npos) return refuse(text, kExpected);
  const std::string_view written = text.substr(0, slash);
  const auto address = IpAddress::parse(written);
  if (!address) return refuse(text, kExpected);
  // A mapped address written as IPv6 has its 96 leading bits in the written length, and not in ours.
  const bool mapped = address->is_v4() && written.contains(':');
  const uint32_t length_min = mapped ? 96 : 0;
  const uint32_t length_max = address->is_v4() && !mapped ? 32 : 128;
  const auto length = parse_decimal(text.substr(slash + 1), length_min, length_max);
  if (!length) return refuse(text, fmt::format("a prefix: its length has to be {}..{}", length_min, length_max));
  return Prefix{*address, uint8_t(*length - length_min)};
}

bool Prefix::contains(const IpAddress& other) const {
  if (other.is_v4() != address.is_v4()) return false;
  const size_t bits = length + (address.is_v4() ? 96 : 0);
  const size_t whole = bits / 8;
  if (std::memcmp(address.bytes.data(), other.bytes.data(), whole) != 0) return false;
  const auto mask = uint8_t(0xff00 >> bits % 8);
  return whole == 16 || ((address.bytes[whole] ^ other.bytes[whole]) & mask) == 0;
}

std::string Prefix::text() const {
  return fmt::format("{}/{}", address.text(), length);
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  constexpr std::string_view kExpected = "an address with a port (expected one like 192.0.2.1:80 or [2001:db8::1]:80)";
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return refuse(text, kExpected);
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed != host.contains(':')) return refuse(text, kExpected);
  const auto address = IpAddress::parse(host);
  if (!address) return refuse(text, kExpected);
  const auto port = parse_decimal(text.substr(colon + 1), 1, 65535);
  if (!port) return refuse(text, "an address with a port: the port has to be 1..65535");
  return Endpoint{*address, uint16_t(*port)};
}

std::string Endpoint::text() const {
  return address.is_v4() ? fmt::format("{}:{}", address.text(), port) : fmt::format("[{}]:{}", address.text(), port);
}

}  // namespace cardea
