#include "l7/tls/ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "base/ticket_key_file.h"
#include "l7/tls/crypto_library.h"

namespace cardea::l7::tls {

Result<TicketKey> TicketKey::random() {
  TicketKey key;
  for (auto part : {std::span<uint8_t>(key.name), std::span<uint8_t>(key.cipher), std::span<uint8_t>(key.mac)}) {
    if (RAND_priv_bytes(part.data(), static_cast<int>(part.size())) != 1) {
      return fail_openssl("make a session ticket key", Origin::kSelf);
    }
  }
  return key;
}

TicketKey TicketKey::of(std::span<const uint8_t, 80> bytes) {
  TicketKey key;
  std::memcpy(key.name.data(), bytes.data(), key.name.size());
  std::memcpy(key.cipher.data(), bytes.data() + 16, key.cipher.size());
  std::memcpy(key.mac.data(), bytes.data() + 48, key.mac.size());
  return key;
}

Result<std::shared_ptr<const TicketKeys>> TicketKeys::read(const std::string& path) {
  auto texts = read_ticket_keys(path);
  if (!texts) return std::unexpected(std::move(texts.error()));
  std::vector<TicketKey> keys;
  keys.reserve(texts->keys().size());
  for (const auto& text : texts->keys()) keys.push_back(TicketKey::of(text));
  return std::make_shared<const TicketKeys>(std::move(keys));
}

Result<std::shared_ptr<const TicketKeys>> TicketKeys::create() {
  return TicketKeys({}).rotated();
}

Result<std::shared_ptr<const TicketKeys>> TicketKeys::rotated() const {
  auto first = TicketKey::random();
  if (!first) return std::unexpected(std::move(first.error()));
  std::vector<TicketKey> keys{*first};
  keys.insert(keys.end(), keys_.begin(), keys_.begin() + static_cast<ptrdiff_t>(std::min(keys_.size(), kKeep - 1)));
  OPENSSL_cleanse(&*first, sizeof *first);
  return std::make_shared<const TicketKeys>(std::move(keys));
}

TicketKeys::~TicketKeys() {
  OPENSSL_cleanse(keys_.data(), keys_.size() * sizeof(TicketKey));
}

const TicketKey* TicketKeys::find(const uint8_t* name) const {
  const auto found = std::ranges::find_if(
      keys_, [&](const TicketKey& key) { return std::memcmp(key.name.data(), name, key.name.size()) == 0; });
  return found == keys_.end() ? nullptr : &*found;
}

}  // namespace cardea::l7::tls
