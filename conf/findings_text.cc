#include "conf/findings_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace cardea::conf {
namespace {

// A tab or a control character would shift or hijack the terminal's line.
std::string printable(std::string_view text) {
  constexpr size_t kShown = 160;
  std::string out;
  for (char c : text.substr(0, kShown)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return text.size() > kShown ? out + "…" : out;
}

// The lines of a document by file and number.
class Lines {
 public:
  explicit Lines(const Source& source) {
    std::string_view rest = source.text;
    for (const Source::Line& line : source.lines) {
      const std::string_view text = rest.substr(0, rest.find('\n'));
      lines_.emplace(std::pair(std::string_view(source.files[line.file]), line.line), text);
      rest.remove_prefix(std::min(text.size() + 1, rest.size()));
    }
  }

  std::string_view at(const Place& place) const {
    const auto line = lines_.find({place.file, place.line});
    return line == lines_.end() ? std::string_view{} : line->second;
  }

 private:
  std::map<std::pair<std::string_view, unsigned>, std::string_view> lines_;
};

bool same_line(const Place& one, const Place& other) {
  return one.line == other.line && one.file == other.file;
}

std::string counted(size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

std::string_view name(Finding::Level level) {
  switch (level) {
    case Finding::error:
      return "error";
    case Finding::warning:
      return "warning";
    case Finding::hint:
      return "hint";
  }
  return {};
}

size_t count(const Findings& findings, Finding::Level level) {
  return size_t(std::ranges::count(findings, level, &Finding::level));
}

std::string line_of(const Finding& finding) {
  const Place& place = finding.place;
  std::string text = place.line != 0 ? fmt::format("{}:{}: ", place.file, place.line) : place.file + ": ";
  text += fmt::format("{}: ", name(finding.level));
  if (!place.path.empty()) text += place.path + ": ";
  text += finding.message;
  if (!finding.expected.empty()) text += "; expected " + finding.expected;
  if (!finding.nearest.empty()) text += fmt::format("; did you mean {}?", finding.nearest);
  return text;
}

std::string findings_text(const Findings& findings, const Source& source) {
  std::string text;
  const Lines lines(source);
  for (size_t i = 0; i < findings.size(); ++i) {
    const Finding& finding = findings[i];
    text += line_of(finding) + "\n";
    if (i + 1 < findings.size() && same_line(finding.place, findings[i + 1].place)) continue;  // shown below the last
    const std::string line = printable(lines.at(finding.place));
    if (const size_t first = line.find_first_not_of(' '); first != line.npos)
      text += fmt::format("  {:>5} | {}\n", finding.place.line, line.substr(first));
  }
  if (findings.empty()) return text;
  return text + fmt::format("{}, {}, {}\n", counted(count(findings, Finding::error), "error"),
                            counted(count(findings, Finding::warning), "warning"),
                            counted(count(findings, Finding::hint), "hint"));
}

}  // namespace cardea::conf
