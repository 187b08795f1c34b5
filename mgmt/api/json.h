// What the answers' files share: JSON with its fields in the order they are written, and times as text.
#pragma once

#include <fmt/chrono.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

namespace cardea::mgmt::api {

using Json = nlohmann::ordered_json;

// RFC 3339, UTC, milliseconds.
inline std::string time_text(std::chrono::system_clock::time_point at) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(std::time_t(ms / 1000)), ms % 1000);
}

inline Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

// Reasons quote what backends and files contain, which need not be UTF-8.
inline std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cardea::mgmt::api
