#include "l7/files/media_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "l7/files/name.h"
#include "l7/http/byte_set.h"

namespace cardea::l7::files {
namespace {

constexpr size_t kExtensionMax = 15;  // what a string holds in itself

// The next run of what is no blank; empty at the end.
std::string_view next_word(std::string_view& line) {
  const size_t begin = std::min(line.find_first_not_of(" \t\r"), line.size());
  line.remove_prefix(begin);
  const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
  line.remove_prefix(word.size());
  return word;
}

// What can stand in a header.
bool is_type(std::string_view word) {
  const size_t slash = word.find('/');
  return slash != word.npos && http::kTokenBytes.holds_all(word.substr(0, slash)) &&
         http::kTokenBytes.holds_all(word.substr(slash + 1));
}

}  // namespace

void MediaTypes::add_line(std::string_view line) {
  line = line.substr(0, line.find('#'));
  const std::string_view type = next_word(line);
  if (!is_type(type)) return;
  for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
    std::string extension(word);
    std::ranges::transform(extension, extension.begin(), [](char c) { return http::lower(c); });
    by_extension_.emplace(std::move(extension), type);
  }
}

MediaTypes MediaTypes::parse(std::string_view text) {
  MediaTypes types;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    types.add_line(line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return types;
}

Result<std::shared_ptr<const MediaTypes>> MediaTypes::read(const char* path) {
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file.good() && !file.eof())
    return fail(fmt::format("cannot read the list of media types {}: install the package media-types", path),
                Origin::kOperator);
  return std::make_shared<const MediaTypes>(parse(text));
}

std::string_view MediaTypes::of(std::string_view name) const {
  constexpr std::string_view kUnknown = "application/octet-stream";
  const std::string_view written = extension(name);
  if (written.empty() || written.size() > kExtensionMax) return kUnknown;
  std::string lower(written);  // as short as it is, no allocation
  std::ranges::transform(lower, lower.begin(), [](char c) { return http::lower(c); });
  const auto found = by_extension_.find(lower);
  return found == by_extension_.end() ? kUnknown : std::string_view(found->second);
}

}  // namespace cardea::l7::files
