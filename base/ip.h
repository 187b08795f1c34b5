// IP addresses, prefixes and endpoints of both families as values, with their text forms (RFC 4291, RFC 5952).
// An address is 16 bytes in network order; IPv4 is kept IPv4-mapped (::ffff:a.b.c.d, RFC 4291 2.5.5.2), so comparing and
// hashing need no branch on the family. A mapped address written as IPv6 text is IPv4.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace cardea {

enum class Family : uint8_t { kIpv4 = 4, kIpv6 = 6 };

struct IpAddress {
  std::array<uint8_t, 16> bytes{};  // network order; the unspecified IPv6 address by default

  static IpAddress v4(uint32_t host_order);
  static IpAddress v4_bytes(const void* four_bytes);
  static IpAddress v6_bytes(const void* sixteen_bytes);
  static Result<IpAddress> parse(std::string_view text);  // "192.0.2.1", "2001:db8::1"; no zone, no brackets

  bool is_v4() const;
  Family family() const { return is_v4() ? Family::kIpv4 : Family::kIpv6; }
  uint32_t v4_host_order() const;                                // precondition: is_v4()
  const uint8_t* v4_data() const { return bytes.data() + 12; }  // precondition: is_v4(); four bytes, network order
  std::string text() const;                                      // RFC 5952

  auto operator<=>(const IpAddress&) const = default;
};

enum class Protocol : uint8_t { kTcp = 6, kUdp = 17 };
std::string_view name(Protocol protocol);  // "tcp", "udp"

// A prefix as written: the address keeps its host bits ("192.0.2.2/24" is an interface's address and its network).
struct Prefix {
  IpAddress address;
  uint8_t length = 0;  // in the address's own family: 0..32 or 0..128

  static Result<Prefix> parse(std::string_view text);  // a length is required
  bool contains(const IpAddress& other) const;
  std::string text() const;
  auto operator<=>(const Prefix&) const = default;
};

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  static Result<Endpoint> parse(std::string_view text);  // "192.0.2.1:80", "[2001:db8::1]:80"; port 1..65535
  std::string text() const;
  auto operator<=>(const Endpoint&) const = default;
};

}  // namespace cardea
