#include "l7/policy/file_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "l7/policy/read_file.h"

namespace cardea::l7::policy {
namespace {

constexpr size_t kNetworkBytesMax = 128 << 20, kUserBytesMax = 16 << 20, kPageBytesMax = 64 << 10, kKeyBytesMax = 1 << 20,
                 kKeyListBytesMax = 64 << 20;

Result<NetworkSet> read_set(const std::vector<std::string>& texts, const std::vector<std::string>& files) {
  std::vector<Prefix> networks;
  for (const std::string& text : texts) {
    const auto network = Prefix::parse(text);
    if (!network) return fail(fmt::format("\"{}\" is no network", text));
    networks.push_back(*network);
  }
  for (const std::string& file : files) {
    const auto text = read_file(file, kNetworkBytesMax);
    if (!text) return std::unexpected(text.error());
    auto more = read_networks(*text);
    if (!more) return std::unexpected(std::move(more.error()).in(file));
    networks.insert(networks.end(), more->begin(), more->end());
  }
  return NetworkSet(networks);
}

Result<Users> read_users(const std::string& file) {
  const auto text = read_file(file, kUserBytesMax);
  if (!text) return std::unexpected(text.error());
  auto users = Users::read(*text);
  if (!users) return std::unexpected(std::move(users.error()).in(file));
  return users;
}

// A set may hold a secret beside public keys.
Result<TokenKeys> read_set_file(const std::string& file) {
  const auto text = read_file(file, kKeyBytesMax);
  if (!text) return std::unexpected(text.error());
  auto keys = read_key_set(*text);
  if (!keys) return std::unexpected(std::move(keys.error()).in(file));
  if (has_secret(*keys))
    if (const auto hidden = read_secret_file(file, kKeyBytesMax); !hidden) return std::unexpected(hidden.error());
  return keys;
}

Result<TokenKeys> read_public_file(const std::string& file) {
  const auto text = read_file(file, kKeyBytesMax);
  if (!text) return std::unexpected(text.error());
  auto keys = read_public_key(*text);
  if (!keys) return std::unexpected(std::move(keys.error()).in(file));
  return keys;
}

Result<TokenKeys> read_hidden_file(const std::string& file) {
  const auto text = read_secret_file(file, kKeyBytesMax);
  if (!text) return std::unexpected(text.error());
  auto keys = read_secret(*text);
  if (!keys) return std::unexpected(std::move(keys.error()).in(file));
  return keys;
}

Result<TokenKeys> read_keys(const settings::JwtT& of) {
  std::vector<Result<TokenKeys>> sources;
  if (!of.jwks.empty()) sources.push_back(read_set_file(of.jwks));
  for (const std::string& file : of.public_keys) sources.push_back(read_public_file(file));
  if (!of.secret.empty()) sources.push_back(read_hidden_file(of.secret));
  TokenKeys keys;
  for (auto& read : sources) {
    if (!read) return std::unexpected(std::move(read.error()));
    std::ranges::move(*read, std::back_inserter(keys));
  }
  return keys;
}

// The same for the same settings, and for others another.
std::string text_of(const settings::JwtT& settings) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(settings::Jwt::Pack(builder, &settings));
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

Result<KeyList> read_key_list(const std::string& file) {
  const auto text = read_secret_file(file, kKeyListBytesMax);
  if (!text) return std::unexpected(text.error());
  auto keys = KeyList::read(*text);
  if (!keys) return std::unexpected(std::move(keys.error()).in(file));
  return keys;
}

Result<ErrorPage> read_page(const std::string& file, const std::string& content_type) {
  const auto text = read_file(file, kPageBytesMax);
  if (!text) return std::unexpected(text.error());
  return ErrorPage::of(*text, content_type.empty() ? "text/html; charset=utf-8" : content_type);
}

// Keeps what was read where it is found again.
template <typename Made>
Result<std::shared_ptr<const Made>> keep(std::shared_ptr<const Made>& place, Result<Made> made) {
  if (!made) return std::unexpected(std::move(made.error()));
  return place = std::make_shared<const Made>(std::move(*made));
}

}  // namespace

Result<std::shared_ptr<const NetworkSet>> FileBook::networks(const std::vector<std::string>& texts,
                                                             const std::vector<std::string>& files) {
  auto& known = networks_[fmt::format("{}\n\n{}", fmt::join(texts, "\n"), fmt::join(files, "\n"))];
  if (known) return known;
  return keep(known, read_set(texts, files));
}

Result<std::shared_ptr<const Users>> FileBook::users(const std::string& file) {
  auto& known = users_[file];
  if (known) return known;
  return keep(known, read_users(file));
}

Result<std::shared_ptr<const KeyList>> FileBook::api_keys(const std::string& file) {
  auto& known = api_keys_[file];
  if (known) return known;
  return keep(known, read_key_list(file));
}

Result<std::shared_ptr<const TokenKeys>> FileBook::token_keys(const settings::JwtT& of) {
  auto& known = token_keys_[fmt::format("{}\n{}\n{}", of.jwks, of.secret, fmt::join(of.public_keys, "\n"))];
  if (known) return known;
  return keep(known, read_keys(of));
}

Result<std::shared_ptr<const Jwt>> FileBook::jwt(const settings::JwtT& of) {
  auto& known = jwts_[text_of(of)];
  if (known) return known;
  return keep(known, Jwt::read(of, *this));
}

Result<std::shared_ptr<const ErrorPage>> FileBook::page(const std::string& file, const std::string& content_type) {
  auto& known = pages_[{file, content_type}];
  if (known) return known;
  return keep(known, read_page(file, content_type));
}

}  // namespace cardea::l7::policy
