#include "l7/policy/users.h"

#include <crypt.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "l7/http/fields.h"
#include "l7/policy/lines.h"
#include "l7/policy/random_key.h"

namespace cardea::l7::policy {
namespace {

// What libxcrypt verifies and nobody can try through in a day (crypt(5)): yescrypt, gost-yescrypt, scrypt, bcrypt,
// SHA-512 and SHA-256.
constexpr std::string_view kKinds[] = {"$y$", "$gy$", "$7$", "$2b$", "$2y$", "$2a$", "$6$", "$5$"};

// Hashes of all of them have 31 digits or more behind a salt; bcrypt's have one length.
bool is_verified(const std::string& hash) {
  constexpr size_t kShortest = 40, kBcrypt = 60;
  const auto is_kind = [&hash](std::string_view kind) { return hash.starts_with(kind); };
  const auto is_digit = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || std::string_view("./$=,").contains(c);
  };
  if (std::ranges::none_of(kKinds, is_kind) || !std::ranges::all_of(hash, is_digit)) return false;
  return hash.starts_with("$2") ? hash.size() == kBcrypt : hash.size() >= kShortest;
}

}  // namespace

Result<Users> Users::read(std::string_view text) {
  Users users;
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = take_line(text);
    if (line.empty() || line.starts_with('#')) continue;
    const size_t colon = line.find(':');
    if (colon == 0 || colon == line.npos) return fail(fmt::format("line {} is not NAME:HASH", number));
    const std::string name(line.substr(0, colon));
    // Further fields, as those of shadow files, are not looked at.
    std::string hash(line.substr(colon + 1, line.find(':', colon + 1) - colon - 1));
    if (!is_verified(hash))
      return fail(fmt::format("line {}: the hash of \"{}\" is none of bcrypt, yescrypt, scrypt and SHA-crypt: "
                              "`htpasswd -B` and `mkpasswd -m yescrypt` write such", number, name));
    if (!users.hashes_.emplace(name, std::move(hash)).second)
      return fail(fmt::format("line {}: \"{}\" is there twice", number, name));
  }
  if (users.hashes_.empty()) return fail("there is nobody in it");
  return users;
}

Users::Hash Users::hash_of(std::string_view name) const {
  const auto found = hashes_.find(name);
  if (found != hashes_.end()) return {found->second, true};
  // Always the same one for a name, but not for all: where some hashes take longer than others, how long a name takes
  // would tell whether it is there.
  size_t bucket = hashes_.bucket(std::string(name));
  while (hashes_.bucket_size(bucket) == 0) bucket = (bucket + 1) % hashes_.bucket_count();
  return {hashes_.begin(bucket)->second, false};
}

bool password_fits(const std::string& password, const std::string& hash) {
  static thread_local const auto room = std::make_unique<crypt_data>();
  *room = {};
  const char* const computed = crypt_r(password.c_str(), hash.c_str(), room.get());
  const bool fits = computed != nullptr && std::string_view(computed).size() == hash.size() &&
                    CRYPTO_memcmp(computed, hash.data(), hash.size()) == 0;
  OPENSSL_cleanse(room.get(), sizeof(crypt_data));
  return fits;
}

std::optional<Credentials> read_credentials(std::string_view authorization, std::span<char> room) {
  constexpr std::string_view kScheme = "Basic ";
  if (authorization.size() < kScheme.size() ||
      !http::equal_without_case(authorization.substr(0, kScheme.size()), kScheme))
    return {};
  const std::string_view coded = http::trim(authorization.substr(kScheme.size()));
  if (coded.empty() || coded.size() % 4 != 0 || room.size() < coded.size() / 4 * 3) return {};
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(room.data()),
                                   reinterpret_cast<const unsigned char*>(coded.data()), int(coded.size()));
  if (size < 0) return {};
  const size_t padding = coded.ends_with("==") ? 2 : coded.ends_with('=') ? 1 : 0;
  const std::string_view pair(room.data(), size_t(size) - padding);
  const size_t colon = pair.find(':');
  if (colon == pair.npos || pair.contains('\0')) return {};
  return Credentials{pair.substr(0, colon), pair.substr(colon + 1)};
}

Verdicts::Verdicts() : place_key_(random_key()), print_key_(random_key()) {}

Verdicts::Mark Verdicts::mark(const Credentials& credentials, std::string_view hash) const {
  // A name has no colon, so that no two pairs are one text.
  const uint64_t name = text_hash(print_key_, credentials.name, ":"), of_hash = text_hash(place_key_, hash);
  const HashKey print{print_key_.k0 ^ name, print_key_.k1 ^ of_hash}, place{place_key_.k0 ^ name, place_key_.k1 ^ of_hash};
  return {size_t(text_hash(place, credentials.password) % kPlaces), text_hash(print, credentials.password) & ~uint64_t{1}};
}

std::optional<bool> Verdicts::find(const Credentials& credentials, std::string_view hash) const {
  const Mark known = mark(credentials, hash);
  const uint64_t kept = places_[known.at].load(std::memory_order_relaxed);
  if ((kept & ~uint64_t{1}) != known.print || kept == 0) return {};
  return kept & 1;
}

void Verdicts::keep(const Credentials& credentials, std::string_view hash, bool fits) {
  const Mark known = mark(credentials, hash);
  places_[known.at].store(known.print | uint64_t{fits}, std::memory_order_relaxed);
}

}  // namespace cardea::l7::policy
