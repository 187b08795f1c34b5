#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/proxy_header.h"
#include "base/proxy_header_format.h"

namespace cardea {
namespace {

using namespace proxy_format;

constexpr size_t kTlsNameMax = 64;  // of a version and of a cipher: with room for the longest that OpenSSL has

// What goes out, from the front.
struct Writer {
  std::span<char> room;
  size_t at = 0;

  void put(std::string_view bytes) {
    CHECK(bytes.size() <= room.size() - at, "a PROXY header outgrew its room");
    std::memcpy(room.data() + at, bytes.data(), bytes.size());
    at += bytes.size();
  }
  void put8(uint8_t value) { put({reinterpret_cast<const char*>(&value), 1}); }
  void put16(uint16_t value) { put8(uint8_t(value >> 8)), put8(uint8_t(value)); }
  void put32(uint32_t value) { put16(uint16_t(value >> 16)), put16(uint16_t(value)); }
  void put_fact(Fact type, std::string_view value) { put8(type), put16(uint16_t(value.size())), put(value); }
  std::string_view text() const { return {room.data(), at}; }
};

std::string_view bytes_of(const uint8_t* at, size_t size) {
  return {reinterpret_cast<const char*>(at), size};
}

bool is_v4(const ProxyHeader& header) {
  return header.source.address.is_v4() && header.destination.address.is_v4();
}

// Where one of both is IPv6, the other is written as IPv6 has it.
std::string text_of(const IpAddress& address, bool v4) {
  return !v4 && address.is_v4() ? "::ffff:" + address.text() : address.text();
}

void write_line(Writer& to, const ProxyHeader& header) {
  if (header.local) return to.put(kUnknownLine);
  const bool v4 = is_v4(header);
  const auto end = fmt::format_to_n(to.room.data(), to.room.size(), "PROXY {} {} {} {} {}\r\n", v4 ? "TCP4" : "TCP6",
                                    text_of(header.source.address, v4), text_of(header.destination.address, v4),
                                    header.source.port, header.destination.port);
  to.at = end.size;
}

void put_addresses(Writer& to, const ProxyHeader& header) {
  const bool v4 = is_v4(header);
  to.put8(v4 ? kTcp4 : kTcp6);
  to.put16(0);  // the length, when it is known
  for (const Endpoint* end : {&header.source, &header.destination})
    to.put(v4 ? bytes_of(end->address.v4_data(), 4) : bytes_of(end->address.bytes.data(), 16));
  to.put16(header.source.port);
  to.put16(header.destination.port);
}

void put_name(Writer& to, Fact type, std::string_view name, size_t max = kNameMax) {
  if (!name.empty() && name.size() <= max) to.put_fact(type, name);
}

void put_tls(Writer& to, const ProxyHeader& header) {
  if (header.tls_version.empty()) return;
  to.put8(kSsl);
  const size_t length_at = to.at;
  to.put16(0);
  to.put8(kClientSsl);
  to.put32(kUnverified);
  put_name(to, kSslVersion, header.tls_version, kTlsNameMax);
  put_name(to, kSslCipher, header.tls_cipher, kTlsNameMax);
  store_be16(to.room.data() + length_at, uint16_t(to.at - length_at - 2));
}

// Of the whole, in which it counts as zero.
void put_checksum(Writer& to) {
  to.put_fact(kChecksum, "\0\0\0\0"sv);
  store_be16(to.room.data() + kFixed - 2, uint16_t(to.at - kFixed));
  store_be32(to.room.data() + to.at - 4, ~crc32c(~0u, to.text()));
}

void write_binary(Writer& to, const ProxyHeader& header) {
  to.put(kSignature);
  to.put8(header.local ? kLocal : kProxy);
  if (header.local) return to.put("\0\0\0"sv);
  put_addresses(to, header);
  put_name(to, kAlpn, header.alpn);
  put_name(to, kAuthority, header.server_name);
  put_tls(to, header);
  put_checksum(to);
}

}  // namespace

std::string_view write_proxy_header(std::span<char> room, ProxyVersion version, const ProxyHeader& header) {
  Writer to{room};
  if (version == ProxyVersion::kV1) write_line(to, header);
  if (version == ProxyVersion::kV2) write_binary(to, header);
  return to.text();
}

}  // namespace cardea
