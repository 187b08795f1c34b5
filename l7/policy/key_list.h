// Keys of an interface that were given out, by name: a file of NAME:KEY lines, or NAME:sha256:HEX where the file shall not
// tell the keys. Of each only its hash is kept, and asked for by: how long that takes says nothing of a key.
#pragma once

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"

namespace cardea::l7::policy {

class KeyList {
 public:
  // '#' before comments. Refuses keys that are short enough to be tried through, and keys that stand twice; an Error names
  // the line, and nothing of the key.
  static Result<KeyList> read(std::string_view text);

  // The name of this key's bearer; nothing: it is nobody's.
  std::optional<std::string_view> find(std::string_view key) const;
  size_t size() const { return names_.size(); }

 private:
  using Hash = std::array<unsigned char, 32>;  // SHA-256: keys are random, and need nothing slower
  struct First {
    size_t operator()(const Hash& hash) const {
      size_t first;
      std::memcpy(&first, hash.data(), sizeof first);
      return first;
    }
  };
  static Result<Hash> read_hash(std::string_view written);
  static Hash hash_of(std::string_view key);

  std::unordered_map<Hash, std::string, First> names_;
};

}  // namespace cardea::l7::policy
