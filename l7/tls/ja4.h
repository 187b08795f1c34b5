// JA4, by which kinds of TLS clients are told apart: what a ClientHello offers, in a word that the same program always
// comes to (https://github.com/FoxIO-LLC/ja4, technical_details/JA4.md; the part of JA4+ that is under the BSD licence).
// Pure and bounded: of a hello with more than any client has it says only that.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace cardea::l7::tls {

// "t13d1516h2_8daaf6152771_d8a2da3f94cd".
class Ja4 {
 public:
  // More cipher suites, extensions or signature algorithms than this are not looked at: "ffffffffffff" stands in place of
  // what is made of them. Clients have some dozens.
  static constexpr size_t kListMax = 256;
  static constexpr size_t kSize = 36;

  Ja4() = default;  // none: it is empty
  // The handshake message, with its head. One that is malformed has none.
  static Ja4 of(std::string_view client_hello);

  std::string_view text() const { return {text_.data(), known_ ? kSize : 0}; }
  bool known() const { return known_; }

 private:
  std::array<char, kSize> text_{};
  bool known_ = false;
};

}  // namespace cardea::l7::tls
