// Log lines for people: one line to stderr (the journal's format when started by systemd), UTC with milliseconds, level,
// process, sentence. For control threads only: data cores count, they do not write.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace cardea::log {

enum class Level : unsigned char { kDebug, kInfo, kWarning, kError };

void start(std::string_view process, Level level = Level::kInfo);  // before the first line; CARDEA_LOG=debug overrides
void write(Level level, std::string_view line);

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace cardea::log
