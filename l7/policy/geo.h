// Where addresses are, as databases in MaxMind's format say it (mmdb 2.0: GeoLite2, DB-IP, IPinfo): in which country, and
// of which autonomous system (RFC 1930). A database is read once, into ranges of its own: the file may be replaced, or cut,
// at any time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ip.h"
#include "l7/policy/range_map.h"

namespace cardea::l7::policy {

// Of both families.
class AddressMap {
 public:
  uint32_t at(const IpAddress& address) const;
  size_t ranges() const { return v4_.ranges() + v6_.ranges(); }

 private:
  friend class DatabaseReader;
  RangeMap<uint32_t, uint32_t> v4_;
  RangeMap<unsigned __int128, uint32_t> v6_;
  // Networks of IPv6 that have an IPv4 address behind their prefix, and are where that is: 6to4, Teredo.
  struct Alias {
    unsigned __int128 first;
    unsigned length;  // of the prefix, 1 to 96
  };
  static constexpr size_t kAliasesMax = 16;
  std::vector<Alias> aliases_;
};

class Geo {
 public:
  // Files; an empty name: none. An Error names the file.
  static Result<Geo> read(const std::string& countries, const std::string& as_numbers);

  bool knows_countries() const { return countries_.ranges() != 0; }
  bool knows_as_numbers() const { return as_numbers_.ranges() != 0; }
  uint32_t country_of(const IpAddress& address) const { return countries_.at(address); }  // country_number(); 0: nobody knows
  // Its two letters; empty: nobody knows.
  std::string_view country(const IpAddress& address) const;
  uint32_t as_number(const IpAddress& address) const { return as_numbers_.at(address); }  // 0: nobody knows

 private:
  AddressMap countries_, as_numbers_;
};

// Two capital letters as one number, which is not 0; 0: it is not two capital letters.
constexpr uint32_t country_number(std::string_view letters) {
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (letters.size() != 2 || !is_capital(letters[0]) || !is_capital(letters[1])) return 0;
  return uint32_t(letters[0] - 'A') * 26 + uint32_t(letters[1] - 'A') + 1;
}

}  // namespace cardea::l7::policy
