// Who may ask by a name and a password: a file as htpasswd writes it, and verdicts about passwords, of which each costs
// milliseconds on purpose.
#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "base/flow_hash.h"

namespace cardea::l7::policy {

class Users {
 public:
  // NAME:HASH lines, '#' before comments. Refuses hashes that libxcrypt does not verify, and those too weak to be kept;
  // an Error names the line, and nothing of the hash.
  static Result<Users> read(std::string_view text);

  // Of a name that is not there one of the others, so that it takes as long.
  struct Hash {
    const std::string& text;
    bool known;
  };
  Hash hash_of(std::string_view name) const;
  size_t size() const { return hashes_.size(); }

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, std::string, TextHash, std::equal_to<>> hashes_;
};

// Computes the hash anew: may take a second. For threads that may wait.
bool password_fits(const std::string& password, const std::string& hash);

// "user:password" of "Basic dXNlcjpwYXNz" (RFC 7617 2); nothing where it is no such thing.
struct Credentials {
  std::string_view name, password;
};
std::optional<Credentials> read_credentials(std::string_view authorization, std::span<char> room);

// What was found out before: by a keyed hash of name, password and the hash it was held against, so that neither is kept
// and another users file asks anew. Any thread; a verdict that has to give way is found out again.
class Verdicts {
 public:
  Verdicts();
  std::optional<bool> find(const Credentials& credentials, std::string_view hash) const;
  void keep(const Credentials& credentials, std::string_view hash, bool fits);

 private:
  struct Mark {
    size_t at;
    uint64_t print;  // its lowest bit is the verdict's
  };
  Mark mark(const Credentials& credentials, std::string_view hash) const;

  static constexpr size_t kPlaces = 8192;
  HashKey place_key_, print_key_;
  std::array<std::atomic<uint64_t>, kPlaces> places_{};
};

}  // namespace cardea::l7::policy
