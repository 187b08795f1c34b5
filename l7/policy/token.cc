#include "l7/policy/token.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "l7/policy/base64url.h"
#include "l7/policy/strict_json.h"

namespace cardea::l7::policy {
namespace {

using nlohmann::json;

constexpr size_t kKeyIdMax = 256, kTypeMax = 64;

// "header.payload.signature"; five parts are an encrypted one.
std::optional<std::array<std::string_view, 3>> split(std::string_view text) {
  const size_t first = text.find('.'), second = first == text.npos ? first : text.find('.', first + 1);
  if (second == text.npos || text.find('.', second + 1) != text.npos) return {};
  return std::array{text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

// False: it is there and no text of that length.
bool read_name(const json& header, const char* name, size_t length_max, std::string& to) {
  const auto found = header.find(name);
  if (found == header.end()) return true;
  if (!found->is_string()) return false;
  to = found->get<std::string>();
  return to.size() <= length_max;
}

// RFC 7515 4.1.9: "application/" may be left out, and letters have no case.
std::string short_type(std::string type) {
  for (char& c : type) c = c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c;
  constexpr std::string_view kFront = "application/";
  if (type.starts_with(kFront) && type.find('/', kFront.size()) == type.npos) type.erase(0, kFront.size());
  return type;
}

// What can end no line of a header, and no log's.
bool can_be_told(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return uint8_t(c) < 0x20 || c == 0x7f; });
}

// Of a list none has the comma that stands between them.
std::optional<std::string> text_of(const json& claim, bool in_list) {
  if (claim.is_string()) {
    const auto& text = claim.get_ref<const std::string&>();
    const bool told = can_be_told(text) && !(in_list && text.contains(','));
    return told ? std::optional(text) : std::nullopt;
  }
  if (claim.is_number() || claim.is_boolean()) return claim.dump();
  return {};
}

std::optional<std::string> list_text(const json& claim) {
  std::string whole;
  for (const json& one : claim) {
    const auto text = text_of(one, true);
    if (!text || text->empty()) return {};
    if (!whole.empty()) whole += ',';
    whole += *text;
  }
  return whole;
}

std::expected<Token, TokenFault> read_header(const std::string& text) {
  const json header = read_object(text);
  Token token;
  std::string algorithm;
  if (header.is_discarded() || !read_name(header, "alg", kTypeMax, algorithm) || !read_name(header, "kid", kKeyIdMax, token.key_id) ||
      !read_name(header, "typ", kTypeMax, token.type))
    return std::unexpected(TokenFault::kMalformed);
  if (header.contains("crit") || header.contains("b64")) return std::unexpected(TokenFault::kCritical);
  const auto known = algorithm_of(algorithm);
  if (!known) return std::unexpected(TokenFault::kAlgorithm);
  token.algorithm = *known;
  token.type = short_type(std::move(token.type));
  return token;
}

}  // namespace

std::string_view word(TokenFault fault) {
  constexpr std::string_view kWords[] = {"missing",   "malformed", "critical", "algorithm", "type",     "unknown_key", "signature",
                                         "no_expiry", "expired",   "not_yet",  "issuer",    "audience", "claims"};
  return kWords[size_t(fault)];
}

std::expected<Token, TokenFault> read_token(std::string_view text) {
  if (text.empty()) return std::unexpected(TokenFault::kMissing);
  const auto parts = text.size() <= kTokenBytesMax ? split(text) : std::nullopt;
  if (!parts || (*parts)[0].size() > kTokenHeaderBytesMax) return std::unexpected(TokenFault::kMalformed);
  const auto header = decode_base64url((*parts)[0]);
  auto payload = decode_base64url((*parts)[1]), signature = decode_base64url((*parts)[2]);
  if (!header || !payload || !signature) return std::unexpected(TokenFault::kMalformed);
  auto token = read_header(*header);
  if (!token) return token;
  token->signed_text = text.substr(0, (*parts)[0].size() + 1 + (*parts)[1].size());
  token->signature = std::move(*signature);
  token->payload = std::move(*payload);
  return token;
}

std::string_view Claims::text(std::string_view name) const {
  const auto found = std::ranges::find(texts, name, &Claim::name);
  return found == texts.end() ? std::string_view() : std::string_view(found->text);
}

size_t Claims::bytes() const {
  size_t bytes = 0;
  for (const Claim& claim : texts) bytes += sizeof claim + claim.name.size() + claim.text.size();
  return bytes;
}

std::vector<Claims::Claim> read_texts(const json& payload) {
  std::vector<Claims::Claim> texts;
  for (const auto& [name, claim] : payload.items()) {
    auto text = claim.is_array() ? list_text(claim) : text_of(claim, false);
    if (text && !text->empty()) texts.push_back({name, std::move(*text)});
  }
  return texts;
}

std::optional<double> seconds_of(const json& payload, const char* name) {
  constexpr double kMost = 1e12;  // the year 33,658: more is milliseconds, or nonsense
  const auto found = payload.find(name);
  if (found == payload.end() || !found->is_number()) return {};
  const double seconds = found->get<double>();
  return std::isfinite(seconds) && std::abs(seconds) <= kMost ? std::optional(seconds) : std::nullopt;
}

bool names_one(const json& payload, const std::string& name, const std::vector<std::string>& wanted) {
  const auto found = payload.find(name);
  if (found == payload.end()) return false;
  const auto is_wanted = [&wanted](const json& one) {
    const auto text = one.is_array() || one.is_object() ? std::nullopt : text_of(one, false);
    return text && std::ranges::find(wanted, *text) != wanted.end();
  };
  return found->is_array() ? std::ranges::any_of(*found, is_wanted) : is_wanted(*found);
}

}  // namespace cardea::l7::policy
