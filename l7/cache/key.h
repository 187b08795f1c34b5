// What an object is stored under: the URL its backend was asked for, as one text in which equal URLs are equal bytes.
// The hash is keyed with bytes nobody outside knows, so that no client can aim at one bucket of the table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/flow_hash.h"
#include "l7/http/authority.h"

namespace cardea::l7::cache {

struct Url {
  std::string_view scheme;
  http::Authority authority;
  std::string_view path;  // as it is forwarded
  bool has_query = false;
  std::string_view query;
};
// "/a.png?x=1" in two.
Url url_of(std::string_view scheme, const http::Authority& authority, std::string_view path_and_query);

// "https://shop.com/a.png?x=1": the host as http::HostText spells it. It views itself: no copies.
class Key {
 public:
  static constexpr size_t kMax = 4096;

  explicit Key(const Url& url);
  Key(const Key&) = delete;

  bool fits() const { return size_ != 0; }  // longer URLs are not stored
  std::string_view text() const { return {text_.data(), size_}; }
  uint64_t hash(HashKey key) const;

 private:
  void put(std::string_view text);

  size_t size_ = 0;
  std::array<char, kMax> text_;
};

}  // namespace cardea::l7::cache
