// Who may ask (settings.Access): by networks as they stand in the plan and in the files that it names, and by where an
// address is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/policies_generated.h"
#include "l7/policy/file_book.h"

namespace cardea::l7::policy {

// Places of one kind: numbers of countries (geo.h), or of autonomous systems.
using Places = std::vector<uint32_t>;  // in their order

class Access {
 public:
  Access() = default;  // everybody
  static Result<Access> read(const settings::AccessT& from, FileBook& files);

  bool allows(const IpAddress& client) const { return !deny_.has(client) && (!chooses_ || allow_.has(client)); }
  // By the fingerprint of its TLS; nobody's is empty.
  bool allows_kind(std::string_view ja4) const { return deny_ja4_.empty() || ja4.empty() || !is_denied(ja4); }
  bool limits() const { return chooses_ || !deny_.empty() || !deny_ja4_.empty(); }

 private:
  // In one of its networks, or in a place.
  struct Side {
    std::shared_ptr<const NetworkSet> networks;  // null: none
    Places countries, as_numbers;
    std::shared_ptr<const Geo> geo;  // null: it names no place

    static Result<Side> read(const std::vector<std::string>& networks, const std::vector<std::string>& network_files,
                             const std::vector<std::string>& countries, const Places& as_numbers, FileBook& files);
    bool has(const IpAddress& client) const {
      return (networks && networks->has(client)) || (geo && is_in_place(client));
    }
    bool is_in_place(const IpAddress& client) const;
    bool empty() const { return (!networks || networks->empty()) && !geo; }
  };

  bool is_denied(std::string_view ja4) const;

  Side allow_, deny_;
  std::vector<std::string> deny_ja4_;
  bool chooses_ = false;  // who is not allowed is denied
};

}  // namespace cardea::l7::policy
