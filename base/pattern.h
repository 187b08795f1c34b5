// A regular expression in RE2's syntax: a search costs what the text's length costs, whatever the expression, so that
// one from a configuration can be asked about what strangers send. Any thread.
#pragma once

#include <memory>
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

  bool matches(std::string_view whole) const;  // the whole text, from its first byte to its last
  const std::string& text() const;

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace cardea
