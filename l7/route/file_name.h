// Which file of a route's a request asks for.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "l7/route/action.h"
#include "l7/route/path.h"

namespace cardea::l7::route {

// How much room file_name wants.
size_t file_name_size(const Files& files, const PathReading& path);
// Relative to the route's folder, its index where the path is a folder's, NUL behind it; nothing where no file can have
// this name (files/name.h). `prefix` is what the route matched of the path.
std::optional<std::string_view> file_name(std::span<char> into, const Files& files, const PathReading& path,
                                          std::string_view prefix);

}  // namespace cardea::l7::route
