#include "mgmt/cli/table.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace cardea::mgmt::cli {
namespace {

constexpr size_t kNameMin = 16;

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

std::string shortened(const std::string& name, size_t width) {
  if (display_width(name) <= width || width == 0) return name;
  const size_t slash = name.find('/');
  const std::string tail = slash == name.npos ? "" : name.substr(slash);
  if (display_width(tail) + 2 > width) return clipped(name, width - 1) + "…";
  return clipped(name, width - 1 - display_width(tail)) + "…" + tail;
}

void Table::add(std::vector<Cell> row) {
  CHECK(row.size() == columns_.size());
  for (Cell& cell : row)
    for (char& c : cell.text)
      if (uint8_t(c) < ' ' || c == 0x7f) c = '?';  // a line or a code of whoever wrote it
  rows_.push_back(std::move(row));
}

// All but a last one that says nothing in any row.
size_t Table::columns_shown() const {
  const bool silent =
      !rows_.empty() && std::ranges::all_of(rows_, [](const auto& row) { return row.back().text.empty(); });
  return columns_.size() - silent;
}

// Of each column, by what is in those rows that are shown.
std::vector<size_t> Table::widths(size_t rows, size_t columns) const {
  std::vector<size_t> widths;
  for (const Column& column : columns_) widths.push_back(display_width(column.title));
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], display_width(rows_[row][i].text));
  widths.resize(columns_shown());
  const size_t whole = std::accumulate(widths.begin(), widths.end(), 2 * (widths.size() - 1));
  if (whole > columns) widths[0] -= std::min(whole - columns, widths[0] - std::min(widths[0], kNameMin));
  return widths;
}

std::string Table::line(const std::vector<Cell>& row, const std::vector<size_t>& widths, bool colour) const {
  std::string out;
  for (size_t i = 0; i < widths.size(); ++i) {
    const std::string text = i == 0 ? shortened(row[i].text, widths[i]) : row[i].text;
    const std::string blanks(widths[i] - display_width(text), ' ');
    const bool last = i + 1 == widths.size();
    if (columns_[i].align == Column::Align::kRight) out += blanks;
    out += painted(text, row[i].tone, colour);
    if (columns_[i].align == Column::Align::kLeft && !last) out += blanks;
    if (!last) out += "  ";
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + '\n';
}

std::string Table::text(bool colour, Space below_titles) const {
  const bool all = rows_.size() <= below_titles.lines;
  const size_t shown = all ? rows_.size() : below_titles.lines - std::min<size_t>(below_titles.lines, 1);
  const auto columns = widths(shown, below_titles.columns);
  std::vector<Cell> titles;
  for (const Column& column : columns_) titles.emplace_back(column.title, Tone::kFaint);
  std::string out = line(titles, columns, colour);
  for (size_t i = 0; i < shown; ++i) out += line(rows_[i], columns, colour);
  if (!all && below_titles.lines > 0)
    out += painted("… " + std::to_string(rows_.size() - shown) + " more", Tone::kFaint, colour) + '\n';
  return out;
}

}  // namespace cardea::mgmt::cli
