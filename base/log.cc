#include "base/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <string>

namespace cardea::log {
namespace {

constexpr std::array<std::string_view, 4> kNames{"debug", "info", "warning", "error"};
constexpr std::array<char, 4> kJournalPriority{'7', '6', '4', '3'};  // syslog(3)

struct Settings {
  std::string process = "cardea";
  std::atomic<Level> level = Level::kInfo;
  bool journal = false;
};
Settings settings;

std::string utc_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const auto seconds = std::time_t(milliseconds / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, milliseconds % 1000);
}

// Text from outside may stand in a line; it must not be able to start another one or move a terminal's cursor.
std::string printable(std::string_view line) {
  std::string result;
  result.reserve(line.size());
  for (const char c : line) {
    if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7f)
      result += fmt::format("\\x{:02x}", byte);
    else
      result += c;
  }
  return result;
}

}  // namespace

void start(std::string_view process, Level level) {
  settings.process = process;
  settings.journal = std::getenv("JOURNAL_STREAM") != nullptr;
  if (const char* wanted = std::getenv("CARDEA_LOG"); wanted != nullptr)
    for (size_t i = 0; i < kNames.size(); ++i)
      if (kNames[i] == wanted) level = Level(i);
  settings.level = level;
}

void write(Level level, std::string_view line) {
  if (level < settings.level.load(std::memory_order_relaxed)) return;
  const auto index = size_t(level);
  const std::string text =
      settings.journal ? fmt::format("<{}>{}\n", kJournalPriority[index], printable(line))
                       : fmt::format("{} {} {}: {}\n", utc_now(), kNames[index], settings.process, printable(line));
  // One call a line keeps lines of several threads whole; a log that cannot be written is nobody's reason to stop.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace cardea::log
