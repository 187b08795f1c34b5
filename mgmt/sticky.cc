#include "mgmt/sticky.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "base/check.h"

namespace cardea::mgmt {

std::string sticky_value(const conf::Cluster& cluster, const conf::Pool& pool, const conf::Backend& backend) {
  if (!pool.sticky) return {};
  const std::string& of_cluster = cluster.seed.empty() ? cluster.name : cluster.seed;
  const std::string& key = pool.sticky->key.empty() ? of_cluster : pool.sticky->key;
  const std::string text = fmt::format("cardea sticky\n{}\n{}", pool.name, backend.address.text());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  CHECK(HMAC(EVP_sha256(), key.data(), int(key.size()), bytes, text.size(), digest.data(), &size) != nullptr &&
            size == 32,
        "SHA-256 is there");
  std::string value;
  for (size_t i = 0; i < 16; ++i) value += fmt::format("{:02x}", digest[i]);
  return value;
}

}  // namespace cardea::mgmt
