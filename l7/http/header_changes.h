// What is changed of a head's fields on its way, beside what HTTP asks for: names that do not go on, and lines that go on
// behind the others. Views, good for one head.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "l7/http/headers.h"

namespace cardea::l7::http {

// Names as readers take them that know letters and digits alone, as CGI's do: "X_Auth.User" is X-Auth-User.
class NameSet {
 public:
  void add(std::string_view name);
  // Those that would pass for this name, and not the name itself.
  void add_look_alikes(std::string_view name);

  bool has(HeaderId id) const { return ids_ & bit(id); }
  bool has(const Header& header) const {
    return header.id() != HeaderId::kOther ? has(header.id()) : has_other(header.name());
  }
  bool has(std::string_view name) const {
    const HeaderId id = header_id(name);
    return id != HeaderId::kOther ? has(id) : has_other(name);
  }
  bool empty() const { return names_.empty(); }
  bool names(std::string_view name) const;  // it itself was added

 private:
  struct Name {
    std::string text;
    bool spared;  // it alone, of all that would pass for it
  };
  bool has_other(std::string_view name) const;

  std::vector<Name> names_;
  uint64_t ids_ = 0;
  uint64_t first_ = 0;  // by the first of their letters and digits: what most names are told apart by
};

struct HeaderChanges {
  const NameSet* dropped = nullptr;         // null: none
  std::span<const std::string_view> lines;  // each with its CR LF
  size_t bytes = 0;                         // of them all

  bool drops(const Header& header) const { return dropped && dropped->has(header); }
  bool drops(std::string_view name) const { return dropped && dropped->has(name); }
  bool drops(HeaderId id) const { return dropped && dropped->has(id); }
};

}  // namespace cardea::l7::http
