#include "base/log_target.h"

namespace cardea {
namespace {

constexpr std::string_view kSyslog = "syslog", kSyslogSocket = "/dev/log", kJournalSocket = "/run/systemd/journal/socket";
constexpr size_t kSocketPathMax = 107;  // sun_path, with its end

LogTarget at_path(LogTarget::Kind kind, std::string_view path) {
  return {.kind = kind, .path = std::string(path)};
}

std::optional<LogTarget> parse_syslog(std::string_view rest) {
  if (rest.empty()) return at_path(LogTarget::Kind::kSyslogSocket, kSyslogSocket);
  rest.remove_prefix(1);
  if (rest.starts_with('/')) {
    if (rest.size() > kSocketPathMax) return std::nullopt;
    return at_path(LogTarget::Kind::kSyslogSocket, rest);
  }
  const auto endpoint = Endpoint::parse(rest);
  if (!endpoint || endpoint->port == 0) return std::nullopt;
  return LogTarget{.kind = LogTarget::Kind::kSyslogUdp, .path = {}, .endpoint = *endpoint};
}

}  // namespace

std::optional<LogTarget> parse_log_target(std::string_view text) {
  if (text.find('\0') != text.npos) return std::nullopt;
  if (text.starts_with('/')) return at_path(LogTarget::Kind::kFile, text);
  if (text == "stderr") return at_path(LogTarget::Kind::kStandardError, "");
  if (text == "stdout") return at_path(LogTarget::Kind::kStandardOutput, "");
  if (text == "journald") return at_path(LogTarget::Kind::kJournal, kJournalSocket);
  const bool syslog = text == kSyslog || (text.starts_with(kSyslog) && text[kSyslog.size()] == ':');
  return syslog ? parse_syslog(text.substr(kSyslog.size())) : std::nullopt;
}

}  // namespace cardea
