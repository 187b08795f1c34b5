#include "l7/compress/settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "l7/http/byte_set.h"
#include "l7/http/fields.h"

namespace cardea::l7::compress {
namespace {

bool ends_with(std::string_view type, std::string_view suffix) {
  return type.size() > suffix.size() && http::equal_without_case(type.substr(type.size() - suffix.size()), suffix);
}

bool begins_with(std::string_view type, std::string_view prefix) {
  return type.size() > prefix.size() && http::equal_without_case(type.substr(0, prefix.size()), prefix);
}

// "text/html", "text/*", "*+json".
bool is_of(std::string_view type, std::string_view pattern) {
  if (pattern.starts_with('*')) return ends_with(type, pattern.substr(1));
  if (pattern.ends_with('*')) return begins_with(type, pattern.substr(0, pattern.size() - 1));
  return http::equal_without_case(type, pattern);
}

uint8_t level_of(const settings::CompressionT& from, Coding coding) {
  return coding == Coding::kGzip ? from.gzip_level : coding == Coding::kBrotli ? from.brotli_level : from.zstd_level;
}

}  // namespace

Result<Settings> Settings::read(const settings::CompressionT& from) {
  Settings to{{}, from.types, from.size_min, from.private_too};
  for (const std::string& encoding : from.encodings) {
    const auto coding = coding_of(encoding);
    if (!coding) return fail(fmt::format("compresses to \"{}\", which is not known", encoding));
    const uint8_t level = level_of(from, *coding);
    if (level < levels(*coding).min || level > levels(*coding).max)
      return fail(fmt::format("compresses to {} at level {}", encoding, level));
    to.offers.push_back({*coding, level});
  }
  return to;
}

bool lists_type(const std::vector<std::string>& types, std::string_view content_type) {
  const std::string_view type = http::trim(content_type.substr(0, content_type.find(';')));
  return !type.empty() && std::ranges::any_of(types, [type](const std::string& each) { return is_of(type, each); });
}

}  // namespace cardea::l7::compress
