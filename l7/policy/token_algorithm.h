// How tokens are signed (RFC 7518 3, RFC 8037 3): the word that a token has for it, and the kind of key that it is done
// with. A key serves its own kind alone, whatever a token says.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cardea::l7::policy {

enum class KeyKind : uint8_t { kRsa, kP256, kP384, kEd25519, kSecret };

enum class Algorithm : uint8_t { kRs256, kRs384, kRs512, kPs256, kPs384, kPs512, kEs256, kEs384, kEdDsa, kHs256, kHs384, kHs512 };

// By its exact word; nothing: "none", or one that is not known here.
std::optional<Algorithm> algorithm_of(std::string_view word);
KeyKind kind_of(Algorithm algorithm);
bool is_pss(Algorithm algorithm);
const char* digest_of(Algorithm algorithm);  // "SHA256"; null: it has its own

}  // namespace cardea::l7::policy
