// Databases in MaxMind's format, as a test needs them (the specification of mmdb 2.0, written from its text).
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cardea::l7::policy::test {

struct Entry {
  std::string network;  // "192.0.2.0/24"
  std::string data;     // text_map() or number_map()
};

// {"country": {"iso_code": "DE"}} is nested("country", text("iso_code", "DE")).
std::string text(const std::string& key, const std::string& value);
std::string number(const std::string& key, uint32_t value);
std::string nested(const std::string& key, const std::string& map);

inline std::string country(const std::string& code) { return nested("country", text("iso_code", code)); }
inline std::string as_number(uint32_t value) { return number("autonomous_system_number", value); }

// IPv4 lies below ::/96 in a database of both families. `record_bits`: 24, 28 or 32. `aliases`: networks of IPv6 behind
// whose prefix IPv4 stands once more.
std::string database(const std::vector<Entry>& entries, unsigned ip_version = 6, unsigned record_bits = 24,
                     const std::vector<std::string>& aliases = {});

}  // namespace cardea::l7::policy::test
