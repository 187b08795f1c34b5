#include "mgmt/cli/table.h"

#include <algorithm>

#include "base/check.h"

namespace cardea::mgmt::cli {
namespace {

std::string_view escape_code(Tone tone) {
  switch (tone) {
    case Tone::kStrong:
      return "\x1b[1m";
    case Tone::kGood:
      return "\x1b[32m";
    case Tone::kWarning:
      return "\x1b[33m";
    case Tone::kBad:
      return "\x1b[31m";
    case Tone::kFaint:
      return "\x1b[2m";
    case Tone::kPlain:
      break;
  }
  return "";
}

}  // namespace

std::string painted(std::string_view text, Tone tone, bool colour) {
  if (!colour || tone == Tone::kPlain || text.empty()) return std::string(text);
  return std::string(escape_code(tone)).append(text).append("\x1b[0m");
}

size_t display_width(std::string_view utf8) {
  return size_t(std::ranges::count_if(utf8, [](char c) { return (uint8_t(c) & 0xc0) != 0x80; }));
}

std::string clipped(std::string_view line, size_t columns) {
  std::string out;
  bool in_code = false;
  for (const char c : line) {
    in_code = in_code || c == '\x1b';
    const bool begins = !in_code && (uint8_t(c) & 0xc0) != 0x80;
    if (begins && columns-- == 0) break;
    out += c;
    if (in_code && c == 'm') in_code = false;
  }
  return line.find('\x1b') == line.npos ? out : out + "\x1b[0m";
}

void Table::add(std::vector<Cell> row) {
  CHECK(row.size() == columns_.size());
  rows_.push_back(std::move(row));
}

// All but a last one that says nothing in any row.
size_t Table::columns_shown() const {
  const bool silent =
      !rows_.empty() && std::ranges::all_of(rows_, [](const auto& row) { return row.back().text.empty(); });
  return columns_.size() - silent;
}

std::string Table::text(bool colour) const {
  std::vector<size_t> widths;
  std::vector<Cell> titles;
  for (const Column& column : columns_) {
    widths.push_back(display_width(column.title));
    titles.emplace_back(column.title, Tone::kFaint);
  }
  for (const auto& row : rows_)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i].text));

  const size_t shown = columns_shown();
  std::string out;
  const auto add_line = [&](const std::vector<Cell>& row) {
    for (size_t i = 0; i < shown; ++i) {
      const std::string blanks(widths[i] - display_width(row[i].text), ' ');
      const bool last = i + 1 == shown;
      if (columns_[i].align == Column::Align::kRight) out += blanks;
      out += painted(row[i].text, row[i].tone, colour);
      if (columns_[i].align == Column::Align::kLeft && !last) out += blanks;
      if (!last) out += "  ";
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  };
  add_line(titles);
  for (const auto& row : rows_) add_line(row);
  return out;
}

}  // namespace cardea::mgmt::cli
