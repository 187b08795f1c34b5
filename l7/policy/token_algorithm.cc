#include "l7/policy/token_algorithm.h"

#include <algorithm>
#include <iterator>

namespace cardea::l7::policy {
namespace {

struct Row {
  Algorithm algorithm;
  std::string_view word;
  KeyKind kind;
  const char* digest;
};

constexpr Row kRows[] = {
    {Algorithm::kRs256, "RS256", KeyKind::kRsa, "SHA256"},     {Algorithm::kRs384, "RS384", KeyKind::kRsa, "SHA384"},
    {Algorithm::kRs512, "RS512", KeyKind::kRsa, "SHA512"},     {Algorithm::kPs256, "PS256", KeyKind::kRsa, "SHA256"},
    {Algorithm::kPs384, "PS384", KeyKind::kRsa, "SHA384"},     {Algorithm::kPs512, "PS512", KeyKind::kRsa, "SHA512"},
    {Algorithm::kEs256, "ES256", KeyKind::kP256, "SHA256"},    {Algorithm::kEs384, "ES384", KeyKind::kP384, "SHA384"},
    {Algorithm::kEdDsa, "EdDSA", KeyKind::kEd25519, nullptr},  {Algorithm::kHs256, "HS256", KeyKind::kSecret, "SHA256"},
    {Algorithm::kHs384, "HS384", KeyKind::kSecret, "SHA384"},  {Algorithm::kHs512, "HS512", KeyKind::kSecret, "SHA512"},
};

constexpr bool is_in_order() {
  for (size_t i = 0; i < std::size(kRows); ++i)
    if (size_t(kRows[i].algorithm) != i) return false;
  return true;
}
static_assert(is_in_order());

}  // namespace

std::optional<Algorithm> algorithm_of(std::string_view word) {
  const auto* const found = std::ranges::find(kRows, word, &Row::word);
  if (found == std::end(kRows)) return {};
  return found->algorithm;
}

KeyKind kind_of(Algorithm algorithm) {
  return kRows[size_t(algorithm)].kind;
}

bool is_pss(Algorithm algorithm) {
  return kRows[size_t(algorithm)].word.starts_with("PS");
}

const char* digest_of(Algorithm algorithm) {
  return kRows[size_t(algorithm)].digest;
}

}  // namespace cardea::l7::policy
