// A target made of what the groups of a regular expression matched in a path: "/item.php?id=${path:1}",
// "/${path:shop}/list". What stands in a query is encoded there, so that no group is more than one value.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/pattern.h"

namespace cardea {

struct MadeTarget {
  std::string_view path;   // begins with one '/'
  std::string_view query;  // without its '?'; empty: none
};

class PathTemplate {
 public:
  // `of`: the expression whose groups it names; null: there is none, and it names none. Refuses what is no path with an
  // optional query, other variables than groups, and groups that the expression does not have.
  static Result<PathTemplate> parse(std::string_view text, const Pattern* of);

  bool empty() const { return path_.empty(); }
  // As it was written.
  const std::string& text() const { return text_; }
  // How much room write() wants, at most.
  size_t size_max(std::string_view path, std::string_view query) const;
  // `query` is the client's: it goes behind what the template has of one, or in its place; a template that ends with '?' drops
  // it. Nothing: the expression does not match. Whether such a path leads anywhere else is the caller's to see.
  std::optional<MadeTarget> write(std::span<char> into, const Pattern* of, std::string_view path, std::string_view query) const;

 private:
  struct Piece {
    std::string text;
    size_t group = 0;  // behind it; 0: none
  };
  static Result<std::vector<Piece>> read(std::string_view text, bool (*fits)(char), const Pattern* of);

  std::string text_;
  std::vector<Piece> path_, query_;
  bool has_query_ = false, drops_query_ = false;
};

}  // namespace cardea
