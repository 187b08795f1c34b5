// Keys of TLS session tickets that several hosts share, as a file has them: a line of base64 for each key (80 bytes: its
// name, 16, and keys of AES-256 and HMAC-SHA-256, 32 each), as `openssl rand -base64 80 | tr -d '\n'` makes them. The
// first seals, all of them open. Empty lines and those that begin with # say nothing. `check` and cardea-l7 read it alike.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace cardea {

inline constexpr size_t kTicketKeyBytes = 80, kTicketKeysInFile = 16;

// Wiped when it goes.
class TicketKeyTexts {
 public:
  using Key = std::array<uint8_t, kTicketKeyBytes>;
  TicketKeyTexts() { keys_.reserve(kTicketKeysInFile); }  // no copies are left behind
  TicketKeyTexts(TicketKeyTexts&&) = default;
  TicketKeyTexts& operator=(TicketKeyTexts&&) = delete;
  ~TicketKeyTexts();
  void add(const Key& key) { keys_.push_back(key); }
  const std::vector<Key>& keys() const { return keys_; }

 private:
  std::vector<Key> keys_;
};

// At least one key. An Error says which line is wrong, and never what is in it.
Result<TicketKeyTexts> parse_ticket_keys(std::string_view text);
// An Error too where others than the file's owner and group may use it.
Result<TicketKeyTexts> read_ticket_keys(const std::string& path);

}  // namespace cardea
