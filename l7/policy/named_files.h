// What the files hold that services and routes name, read as cardea-l7 reads them for a plan. `cardea check` reads them by
// the same code: this and what it includes are a library of their own, and know nothing else of cardea-l7. An Error names the
// file, and says nothing of a secret.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/ip.h"
#include "l7/policy/geo.h"
#include "l7/policy/key_list.h"
#include "l7/policy/token_key.h"
#include "l7/policy/users.h"

namespace cardea::l7::policy {

Result<std::vector<Prefix>> networks_in(const std::string& file);
Result<Users> users_in(const std::string& file);
Result<KeyList> api_keys_in(const std::string& file);
Result<std::string> page_in(const std::string& file);
// Databases that know something of their kind.
Result<AddressMap> countries_in(const std::string& file);
Result<AddressMap> as_numbers_in(const std::string& file);

// A set (JWKS), which may hold a secret beside public keys; a PEM file; a secret.
Result<TokenKeys> key_set_in(const std::string& file);
Result<TokenKeys> public_keys_in(const std::string& file);
Result<TokenKeys> secret_in(const std::string& file);
// Each of them has to have a key, or somebody's tokens would never fit.
Result<std::vector<Algorithm>> algorithms_of(const std::vector<std::string>& words, const TokenKeys& keys);

// Whether files can be looked for in it.
Result<> find_folder(const std::string& root);

}  // namespace cardea::l7::policy
