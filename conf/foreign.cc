#include "conf/foreign.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace cardea::conf {
namespace {

constexpr size_t kLinesLookedAt = 60;

std::string_view trimmed(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t\r");
  if (first == line.npos) return {};
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

// The first lines that say something, without what is around them.
std::vector<std::string_view> significant_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t at = 0; at < text.size() && lines.size() < kLinesLookedAt;) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = trimmed(text.substr(at, end - at));
    if (!line.empty() && line[0] != '#' && !line.starts_with("//")) lines.push_back(line);
    at = end + 1;
  }
  return lines;
}

std::string_view first_word(std::string_view line) {
  return line.substr(0, line.find_first_of(" \t{"));
}

template <size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::ranges::count(words, word) > 0;
}

bool assigns(std::string_view line) {
  return line.contains('=') || line.contains(": {") || line.contains(": (");
}

// `server {`, `location / {`, `listen 80;`
bool of_nginx(std::string_view line) {
  static constexpr std::array<std::string_view, 7> kBlocks = {"http",     "server", "upstream", "events",
                                                              "location", "stream", "map"};
  static constexpr std::array<std::string_view, 8> kDirectives = {
      "worker_processes", "listen", "server_name", "proxy_pass", "include", "worker_connections", "root", "user"};
  if (assigns(line)) return false;
  return (line.ends_with('{') && one_of(first_word(line), kBlocks)) ||
         (line.ends_with(';') && one_of(first_word(line), kDirectives));
}

// `global`, `frontend web`, `bind *:80`
bool of_haproxy(std::string_view line) {
  static constexpr std::array<std::string_view, 10> kWords = {
      "global", "defaults", "frontend", "backend", "listen", "bind", "server", "mode", "default_backend", "balance"};
  return line.find_first_of("{};=") == line.npos && !line.ends_with(':') && one_of(first_word(line), kWords);
}

// `- address: 10.0.0.1`, `name: web`; what follows a colon of ours is a bracket, there or on the next line.
bool of_yaml(std::string_view line, std::string_view next) {
  if (line == "---" || line.starts_with("- ")) return true;
  const size_t colon = line.find(':');
  if (colon == line.npos || line.ends_with(';') || line.contains('=') || line.find_first_of("{([") != line.npos)
    return false;
  return colon + 1 < line.size() ? line[colon + 1] == ' ' : next.find_first_of("{([") != 0;
}

}  // namespace

std::string_view foreign_language(std::string_view text) {
  const std::vector<std::string_view> lines = significant_lines(text);
  if (lines.empty()) return {};
  if (lines[0].starts_with('{') || lines[0].starts_with('[')) return "JSON";
  size_t nginx = 0, haproxy = 0, yaml = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    nginx += of_nginx(lines[i]);
    haproxy += of_haproxy(lines[i]);
    yaml += of_yaml(lines[i], i + 1 < lines.size() ? lines[i + 1] : "");
  }
  const size_t enough = std::max<size_t>(2, lines.size() / 3);
  if (nginx >= std::max(enough, haproxy)) return "nginx";
  if (haproxy >= enough) return "HAProxy";
  return yaml >= std::max<size_t>(2, lines.size() / 2) ? "YAML" : "";
}

}  // namespace cardea::conf
