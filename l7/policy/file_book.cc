#include "l7/policy/file_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "l7/policy/named_files.h"

namespace cardea::l7::policy {
namespace {

Result<NetworkSet> read_set(const std::vector<std::string>& texts, const std::vector<std::string>& files) {
  std::vector<Prefix> networks;
  for (const std::string& text : texts) {
    const auto network = Prefix::parse(text);
    if (!network) return fail(fmt::format("\"{}\" is no network", text));
    networks.push_back(*network);
  }
  for (const std::string& file : files) {
    auto more = networks_in(file);
    if (!more) return std::unexpected(std::move(more.error()));
    networks.insert(networks.end(), more->begin(), more->end());
  }
  return NetworkSet(networks);
}

Result<TokenKeys> read_keys(const settings::JwtT& of) {
  std::vector<Result<TokenKeys>> sources;
  if (!of.jwks.empty()) sources.push_back(key_set_in(of.jwks));
  for (const std::string& file : of.public_keys) sources.push_back(public_keys_in(file));
  if (!of.secret.empty()) sources.push_back(secret_in(of.secret));
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

Result<ErrorPage> read_page(const std::string& file, const std::string& content_type) {
  const auto text = page_in(file);
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
  return keep(known, users_in(file));
}

Result<std::shared_ptr<const KeyList>> FileBook::api_keys(const std::string& file) {
  auto& known = api_keys_[file];
  if (known) return known;
  return keep(known, api_keys_in(file));
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
