// A regular expression in RE2's syntax: a search costs what the text's length costs, whatever the expression, so that
// one from a configuration can be asked about what strangers send. Any thread.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace re2 {
class RE2;
}

namespace cardea {

class Pattern {
 public:
  // Refuses what RE2 cannot read, in its words, and what would need more than a megabyte or many steps for each byte.
  static Result<Pattern> compile(std::string_view text);
  // One whose groups are asked for too: where they are is found by another search, which costs steps times length. So
  // fewer steps are possible, and at most kGroupsMax groups.
  static Result<Pattern> compile_with_groups(std::string_view text);

  static constexpr size_t kGroupsMax = 16;
  using Groups = std::array<std::string_view, kGroupsMax + 1>;  // the first is the whole; one that took no part is empty

  bool matches(std::string_view whole) const;  // the whole text, from its first byte to its last
  // Likewise. Of one that was compiled with its groups.
  bool find(std::string_view whole, Groups& groups) const;
  size_t groups() const;
  // By its number, from 1, or the name that (?P<NAME>...) gives it.
  std::optional<size_t> group(std::string_view name) const;
  const std::string& text() const;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace cardea
