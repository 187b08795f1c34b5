#include "l7/route/file_name.h"

#include <algorithm>

#include "l7/files/name.h"
#include "l7/route/location.h"

namespace cardea::l7::route {

size_t file_name_size(const Files& files, const PathReading& path) {
  return files.prefix.size() + path.match.size() + files.index.size() + 1;
}

std::optional<std::string_view> file_name(std::span<char> into, const Files& files, const PathReading& path,
                                          std::string_view prefix) {
  const JoinedPath joined =
      files.prefix.empty() ? JoinedPath{path.match, {}} : replace_prefix(path, prefix, files.prefix);
  const auto name = files::name_of(joined.front, joined.rest, into);
  if (!name || !(name->empty() || name->ends_with('/'))) return name;
  if (files.index.empty()) return std::nullopt;
  char* const end = std::ranges::copy(files.index, into.data() + name->size()).out;
  *end = '\0';
  return std::string_view(into.data(), size_t(end - into.data()));
}

}  // namespace cardea::l7::route
