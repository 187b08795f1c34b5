// The first message of a TLS connection, the ClientHello, read without taking part in the conversation: which name and
// which protocols a client asks for, so that TLS can be passed through by them. Bounded in bytes; what is unknown in it
// (GREASE, key shares of any size, Encrypted ClientHello, whose outer name is read) is passed over. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace cardea::l7::tls {

// All that is read of a connection's beginning, with the heads of its records. Hellos with post-quantum key shares have
// about 2 KB.
inline constexpr size_t kHelloMax = 16 * 1024;

struct ClientHello {
  std::string_view server_name;  // empty: none, or one that is no host's
  std::string_view message;      // all of it, with its head
  std::string_view alpn;         // the protocols it offers, each behind its length; empty: none
};

enum class HelloState : uint8_t {
  kMore,
  kDone,
  kNotTls,    // the connection begins with something else
  kBad,       // TLS, and no ClientHello that could be read
  kTooLarge,  // more than kHelloMax
};

// How far a connection's beginning was looked at: what comes byte by byte is not read again and again.
struct HelloScan {
  static constexpr size_t kHead = 4;
  size_t record = 0;              // where the record begins that is not whole yet
  size_t message = 0;             // bytes of the message in the records before it
  std::array<char, kHead> head{};  // type and length
};

// `bytes`: all that came, from the first. Goes on where `scan` stands.
HelloState scan_hello(std::string_view bytes, HelloScan& scan);
// Once that is kDone. A message that came in several records is put together in `room`, of kHelloMax bytes, which then
// holds what the hello views. False: it is malformed.
bool read_hello(std::string_view bytes, std::span<char> room, ClientHello& hello);

// Alerts that end a connection before it was one (RFC 8446 6.2), as a record.
inline constexpr std::string_view kUnrecognizedName{"\x15\x03\x03\x00\x02\x02\x70", 7};
inline constexpr std::string_view kDecodeError{"\x15\x03\x03\x00\x02\x02\x32", 7};

}  // namespace cardea::l7::tls
