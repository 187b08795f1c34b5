// Columns for people: titles in capitals, two blanks between columns, numbers to the right, widths by what is in them.
// The text is the same with and without colour but for the escape codes, so that what a pipe sees stays aligned.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mgmt/cli/space.h"

namespace cardea::mgmt::cli {

enum class Tone : uint8_t { kPlain, kStrong, kGood, kWarning, kBad, kFaint };

std::string painted(std::string_view text, Tone tone, bool colour);

struct Cell {
  std::string text;
  Tone tone = Tone::kPlain;

  Cell(std::string words, Tone how = Tone::kPlain) : text(std::move(words)), tone(how) {}
  Cell(const char* words) : text(words) {}
};

struct Column {
  enum class Align : uint8_t { kLeft, kRight };
  std::string title;
  Align align = Align::kLeft;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<Cell> row);  // as many cells as there are columns
  bool empty() const { return rows_.empty(); }
  size_t rows() const { return rows_.size(); }

  // Below the titles so many lines at most, the last of which tells how many rows there are more; names in the first
  // column are shortened where a row would be wider than the space, but to no less than they need to be told apart.
  std::string text(bool colour, Space below_titles = {}) const;

 private:
  size_t columns_shown() const;
  std::vector<size_t> widths(size_t rows, size_t columns) const;
  std::string line(const std::vector<Cell>& row, const std::vector<size_t>& widths, bool colour) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// A name in `width` columns, "…" for what is left out: the end, or of POOL/ADDRESS the end of the pool.
std::string shortened(const std::string& name, size_t width);

// A line's first `columns` columns; escape codes take none and are kept.
std::string clipped(std::string_view line, size_t columns);
size_t display_width(std::string_view utf8);  // code points: what we print has no wide or combining ones

}  // namespace cardea::mgmt::cli
