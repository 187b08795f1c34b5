// Tokens as clients bring them, and the sets of keys that they are verified with. The first byte says which.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "l7/policy/base64url.h"
#include "l7/policy/key_list.h"
#include "l7/policy/strict_json.h"
#include "l7/policy/token.h"
#include "l7/policy/token_key.h"

#include <nlohmann/json.hpp>

namespace {

using namespace cardea;
using namespace cardea::l7::policy;

// A set with a secret, so that signatures are computed over whatever a token has.
const TokenKeys& keys() {
  static const TokenKeys made = *read_key_set(R"({"keys":[{"kty":"oct","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]})");
  return made;
}

void read_claims(std::string_view text) {
  const nlohmann::json payload = read_object(text);
  if (payload.is_discarded()) return;
  for (const Claims::Claim& claim : read_texts(payload)) {
    CHECK(!claim.text.empty());
    for (const char c : claim.text) CHECK(uint8_t(c) >= 0x20 && c != 0x7f);
  }
  (void)seconds_of(payload, "exp");
  (void)names_one(payload, "aud", {"shop"});
}

// Of what was read nothing is outside of what came, and nobody has signed it.
void read_whole(std::string_view text) {
  const auto token = read_token(text);
  if (!token) return;
  CHECK(text.size() <= kTokenBytesMax && text.starts_with(token->signed_text));
  CHECK(text.size() > token->signed_text.size() && text[token->signed_text.size()] == '.');
  CHECK(!is_signed(keys().front(), token->algorithm, token->signed_text, token->signature.substr(0, 16)));
  read_claims(token->payload);
}

void read_coded(std::string_view text) {
  const auto bytes = decode_base64url(text);
  if (bytes) CHECK(bytes->size() == text.size() * 3 / 4);
}

void read_keys(std::string_view text) {
  const auto read = read_key_set(text);
  if (!read) return;
  for (const TokenKey& key : *read) (void)is_signed(key, Algorithm::kEs256, text, text.substr(0, 64));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 't':
      read_whole(text);
      break;
    case 'c':
      read_claims(text);
      break;
    case 'b':
      read_coded(text);
      break;
    case 'k':
      read_keys(text);
      break;
    case 'p':
      (void)read_public_key(std::string(text));
      break;
    case 's':
      (void)read_secret(text);
      break;
    case 'a':
      (void)KeyList::read(text);
      break;
    default:
      break;
  }
  return 0;
}
