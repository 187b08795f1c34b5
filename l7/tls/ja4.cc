#include "l7/tls/ja4.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "l7/tls/vector_reader.h"

namespace cardea::l7::tls {
namespace {

constexpr uint16_t kServerName = 0, kSignatureAlgorithms = 13, kAlpn = 16, kSupportedVersions = 43;
constexpr size_t kHashSize = 12;

// RFC 8701: 0x0a0a, 0x1a1a, …
bool is_grease(size_t value) {
  return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

// Numbers of two bytes each, without GREASE; as many as there may be.
struct Numbers {
  std::array<uint16_t, Ja4::kListMax> all;
  size_t count = 0;
  bool too_many = false;

  void add(size_t value) {
    if (is_grease(value)) return;
    if (count == all.size()) too_many = true;
    else all[count++] = uint16_t(value);
  }
  void add_all(std::string_view list) {
    for (VectorReader reader{list}; reader.left.size() >= 2 && !too_many;) add(reader.number(2));
  }
  std::span<uint16_t> span() { return {all.data(), count}; }
};

struct Offer {
  size_t version = 0;
  Numbers suites, extensions, algorithms;  // of extensions all but the name and ALPN
  size_t extension_count = 0;
  bool named = false;
  std::string_view protocol;  // the first that ALPN offers
};

// The highest there is, wherever it stands.
size_t highest_version(std::string_view extension, size_t otherwise) {
  size_t highest = 0;
  for (VectorReader list{VectorReader{extension}.vector(1)}; list.left.size() >= 2;)
    if (const size_t version = list.number(2); !is_grease(version)) highest = std::max(highest, version);
  return highest == 0 ? otherwise : highest;
}

void read_extension(size_t type, std::string_view data, Offer& offer) {
  if (is_grease(type)) return;
  ++offer.extension_count;
  if (type == kServerName) offer.named = true;
  if (type == kAlpn) offer.protocol = VectorReader{VectorReader{data}.vector(2)}.vector(1);
  if (type == kSupportedVersions) offer.version = highest_version(data, offer.version);
  if (type == kSignatureAlgorithms && offer.algorithms.count == 0) offer.algorithms.add_all(VectorReader{data}.vector(2));
  if (type != kServerName && type != kAlpn) offer.extensions.add(type);
}

// RFC 8446 4.1.2.
std::optional<Offer> read_offer(std::string_view message) {
  VectorReader head{message};
  if (head.number(1) != 1) return {};
  VectorReader reader{head.vector(3)};
  Offer offer;
  offer.version = reader.number(2);
  reader.bytes(32);
  reader.vector(1);
  offer.suites.add_all(reader.vector(2));
  reader.vector(1);
  if (!head.good || !reader.good) return {};
  if (reader.left.empty()) return offer;
  for (VectorReader all{reader.vector(2)}; all.good && !all.left.empty() && !offer.extensions.too_many;) {
    const size_t type = all.number(2);
    const std::string_view data = all.vector(2);
    if (!all.good) return {};
    read_extension(type, data, offer);
  }
  return reader.good ? std::optional(offer) : std::nullopt;
}

std::string_view version_text(size_t version) {
  switch (version) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
  }
  return "00";
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// Its first and last character; of its hexadecimal form, where one of these is none that can be shown.
std::array<char, 2> ends(std::string_view protocol) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (protocol.empty()) return {'0', '0'};
  const char first = protocol.front(), last = protocol.back();
  if (is_alphanumeric(first) && is_alphanumeric(last)) return {first, last};
  return {kDigits[uint8_t(first) >> 4], kDigits[uint8_t(last) & 0xf]};
}

// Lists as they are hashed: "002f,0035".
class ListText {
 public:
  void add(std::span<const uint16_t> list, std::string_view before) {
    for (const uint16_t value : list) {
      size_ += size_t(std::ranges::copy(before, text_.data() + size_).out - (text_.data() + size_));
      size_ = size_t(fmt::format_to(text_.data() + size_, "{:04x}", value) - text_.data());
      before = ",";
    }
  }
  std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, 2 * Ja4::kListMax * 5 + 1> text_;
  size_t size_ = 0;
};

char* write_hash(char* to, std::string_view of) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(of.data()), of.size(), digest.data());
  for (size_t i = 0; i < kHashSize / 2; ++i) to = fmt::format_to(to, "{:02x}", digest[i]);
  return to;
}

char* write_lists(char* to, Numbers& sorted, const Numbers* as_they_came) {
  if (sorted.too_many || (as_they_came && as_they_came->too_many)) return std::fill_n(to, kHashSize, 'f');
  if (sorted.count == 0) return std::fill_n(to, kHashSize, '0');
  std::ranges::sort(sorted.span());
  ListText text;
  text.add(sorted.span(), "");
  if (as_they_came) text.add({as_they_came->all.data(), as_they_came->count}, "_");
  return write_hash(to, text.text());
}

}  // namespace

Ja4 Ja4::of(std::string_view client_hello) {
  Ja4 made;
  auto offer = read_offer(client_hello);
  if (!offer) return made;
  const auto protocol = ends(offer->protocol);
  char* at = fmt::format_to(made.text_.data(), "t{}{}{:02}{:02}{}{}_", version_text(offer->version), offer->named ? 'd' : 'i',
                            std::min<size_t>(offer->suites.count, 99), std::min<size_t>(offer->extension_count, 99),
                            protocol[0], protocol[1]);
  at = write_lists(at, offer->suites, nullptr);
  *at++ = '_';
  write_lists(at, offer->extensions, &offer->algorithms);
  made.known_ = true;
  return made;
}

}  // namespace cardea::l7::tls
