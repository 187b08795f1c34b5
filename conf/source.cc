#include "conf/source.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "conf/lexer.h"
#include "conf/quote.h"

namespace cardea::conf {
namespace {

constexpr size_t kBytesMax = 64 << 20;
constexpr size_t kFilesMax = 1000;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\f");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\f") - first + 1);
}

// The file named by a line such as `@include "pools.cfg"`; nullopt: no such line. An empty name: badly written.
std::optional<std::string> included_name(std::string_view line) {
  constexpr std::string_view kWord = "@include";
  line = trimmed(line);
  if (!line.starts_with(kWord)) return std::nullopt;
  line = trimmed(line.substr(kWord.size()));
  const size_t end = line.empty() ? line.npos : line.find('"', 1);
  if (end == line.npos || line[0] != '"') return "";
  const std::string_view behind = trimmed(line.substr(end + 1));
  const bool comment = behind.starts_with('#') || behind.starts_with("//");
  return behind.empty() || behind == ";" || comment ? std::string(line.substr(1, end - 1)) : "";
}

struct Loaded {
  std::string text, error;
};

Loaded load(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return {{}, "is a directory"};
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return {{}, std::strerror(errno != 0 ? errno : ENOENT)};
  Loaded loaded;
  char part[1 << 16];
  while (file.read(part, sizeof part), file.gcount() > 0) {
    loaded.text.append(part, size_t(file.gcount()));
    if (loaded.text.size() > kBytesMax) return {{}, fmt::format("is larger than {} MiB", kBytesMax >> 20)};
  }
  return loaded;
}

// Of a pattern as a shell has it, in their order; those that begin with a '.' only where it says so.
std::vector<std::string> files_of(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return paths;
}

class Splicer {
 public:
  Splicer(Includes includes, Findings& findings) : includes_(includes), findings_(findings) {}

  void append(const std::string& path, std::string_view text) {
    const size_t file = source_.files.size();
    source_.files.push_back(path);
    open_.push_back(canonical(path));
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    text = before_nul(file, text);
    unsigned number = 0;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      append_line(file, ++number, text.substr(at, end - at));
      at = end + 1;
    }
    open_.pop_back();
  }

  Source take() { return std::move(source_); }

 private:
  static std::string canonical(const std::string& path) {
    std::error_code error;
    const auto whole = std::filesystem::weakly_canonical(path, error);
    return error ? path : whole.string();
  }

  std::string_view before_nul(size_t file, std::string_view text) {
    const size_t zero = text.find('\0');
    if (zero == text.npos) return text;
    const auto line = unsigned(std::ranges::count(text.substr(0, zero), '\n')) + 1;
    const bool wide = text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
    report(Place{source_.files[file], line, {}},
           wide ? "this is UTF-16 text" : "contains a NUL byte: this is not a text file",
           wide ? "UTF-8, such as: iconv -f UTF-16 -t UTF-8" : "");
    return text.substr(0, wide ? 0 : zero);
  }

  void append_line(size_t file, unsigned number, std::string_view line) {
    const auto name = lexer_.plain() ? included_name(line) : std::nullopt;
    if (name) {
      include(Place{source_.files[file], number, {}}, *name);
      line = {};
    }
    lexer_.pass(line);
    while (line.ends_with('\r')) line.remove_suffix(1);
    source_.text.append(line).push_back('\n');
    source_.lines.push_back({file, number});
  }

  void include(const Place& at, const std::string& name) {
    if (name.empty())
      return report(at, "@include is badly written", "a line of its own such as @include \"pools.cfg\"");
    if (includes_ == Includes::kRefuse) return report(at, "@include is not allowed here", {});
    const auto directory = std::filesystem::path(at.file).parent_path();
    const std::string path = (directory / name).lexically_normal().string();
    if (name.find_first_of("*?[") == name.npos) return include_file(at, path);
    const std::vector<std::string> matching = files_of(path);
    if (matching.empty())
      findings_.push_back({Finding::hint, at, fmt::format("no file is called {}", in_quotes(path)), {}, {}});
    for (const std::string& file : matching) include_file(at, file);
  }

  void include_file(const Place& at, const std::string& path) {
    if (std::ranges::count(open_, canonical(path)) > 0) {
      return report(at, fmt::format("@include {} would include a file within itself", in_quotes(path)), {});
    }
    if (source_.files.size() >= kFilesMax) return report(at, fmt::format("more than {} files included", kFilesMax), {});
    const Loaded loaded = load(path);
    if (!loaded.error.empty()) {
      return report(at, fmt::format("cannot include {}: {}", in_quotes(path), loaded.error),
                    "a file's name, relative to the directory of the file that includes it");
    }
    if (source_.text.size() + loaded.text.size() > kBytesMax) {
      return report(at, fmt::format("the document with all it includes is larger than {} MiB", kBytesMax >> 20), {});
    }
    append(path, loaded.text);
  }

  void report(const Place& place, std::string message, std::string expected) {
    findings_.push_back({Finding::error, place, std::move(message), std::move(expected), {}});
  }

  Source source_;
  Lexer lexer_;
  std::vector<std::string> open_;  // the files being included, outermost first
  Includes includes_;
  Findings& findings_;
};

}  // namespace

Place Source::place(unsigned line_of_text, std::string path) const {
  if (lines.empty()) return {files.empty() ? "" : files.front(), 0, std::move(path)};
  const Line& line = lines[std::clamp<size_t>(line_of_text, 1, lines.size()) - 1];
  return {files[line.file], line.line, std::move(path)};
}

Source load_source(const std::string& path, Findings& findings) {
  const Loaded loaded = load(path);
  if (!loaded.error.empty()) {
    findings.push_back({Finding::error, {path, 0, {}}, "cannot be read: " + loaded.error, {}, {}});
    return {{}, {path}, {}};
  }
  Splicer splicer(Includes::kFollow, findings);
  splicer.append(path, loaded.text);
  return splicer.take();
}

Source source_of_text(std::string_view text, const std::string& name, Includes includes, Findings& findings) {
  Splicer splicer(includes, findings);
  splicer.append(name, text);
  return splicer.take();
}

}  // namespace cardea::conf
