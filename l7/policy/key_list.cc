#include "l7/policy/key_list.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>

#include "l7/http/fields.h"
#include "l7/policy/lines.h"

namespace cardea::l7::policy {
namespace {

constexpr size_t kKeyMin = 16, kKeyMax = 512, kNameMax = 128;

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// What a query can have as it is.
bool is_key(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || std::string_view("-._~+/=").contains(c);
  };
  return text.size() >= kKeyMin && text.size() <= kKeyMax && std::ranges::all_of(text, fits);
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameMax && std::ranges::all_of(text, [](char c) { return uint8_t(c) > 0x20 && c != 0x7f; });
}

}  // namespace

KeyList::Hash KeyList::hash_of(std::string_view key) {
  Hash hash;
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), hash.data());
  return hash;
}

Result<KeyList::Hash> KeyList::read_hash(std::string_view written) {
  constexpr std::string_view kHashed = "sha256:";
  if (!written.starts_with(kHashed)) {
    if (is_key(written)) return hash_of(written);
    return fail(fmt::format("is none of {} to {} letters, digits and -._~+/=", kKeyMin, kKeyMax));
  }
  written.remove_prefix(kHashed.size());
  Hash hash;
  if (written.size() != 2 * hash.size()) return fail("has a hash that is not of 64 hexadecimal digits");
  for (size_t i = 0; i < hash.size(); ++i) {
    const int high = nibble(written[2 * i]), low = nibble(written[2 * i + 1]);
    if (high < 0 || low < 0) return fail("has a hash that is not of 64 hexadecimal digits");
    hash[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return hash;
}

Result<KeyList> KeyList::read(std::string_view text) {
  KeyList list;
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if (line.empty() || line.starts_with('#')) continue;
    const size_t colon = line.find(':');
    if (colon == line.npos || !is_name(line.substr(0, colon))) return fail(fmt::format("line {} is not NAME:KEY", number));
    const auto hash = read_hash(line.substr(colon + 1));
    if (!hash) return fail(fmt::format("line {}: the key of \"{}\" {}", number, line.substr(0, colon), hash.error().message));
    if (!list.names_.emplace(*hash, line.substr(0, colon)).second) return fail(fmt::format("line {}: this key is there twice", number));
  }
  if (list.names_.empty()) return fail("there is no key in it");
  return list;
}

std::optional<std::string_view> KeyList::find(std::string_view key) const {
  if (key.size() > kKeyMax) return {};
  const auto found = names_.find(hash_of(key));
  if (found == names_.end()) return {};
  return found->second;
}

}  // namespace cardea::l7::policy
