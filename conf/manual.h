// The manual of all settings, made from the schema: a Markdown page, the text `cardea help config [PATH]` shows, and
// the paths a shell completes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace cardea::conf {

std::string manual_markdown();  // conf/MANUAL.md

// Everything about the setting, or group of settings, at `path` ("pools.health.interval", with or without brackets;
// empty: an outline of all). An Error names the nearest known setting.
Result<std::string> manual_text(std::string_view path);

std::vector<std::string> setting_paths();

}  // namespace cardea::conf
