// Where the lines of an access log go, as an operator writes it: "/var/log/cardea/access.log", "stderr", "stdout",
// "journald", "syslog" (this host's, /dev/log), "syslog:/run/other.sock" or "syslog:192.0.2.9:514" (UDP).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ip.h"

namespace cardea {

struct LogTarget {
  enum class Kind : uint8_t { kFile, kStandardError, kStandardOutput, kJournal, kSyslogSocket, kSyslogUdp };
  Kind kind = Kind::kFile;
  std::string path;  // of a file or a socket
  Endpoint endpoint{};
  // Of files: when one has grown so far it is renamed, and so many are kept. 0: never.
  uint64_t rotate_bytes = 0;
  uint32_t rotate_keep = 0;
  uint8_t facility = 16;  // of syslog: local0

  bool is_datagrams() const {
    return kind == Kind::kJournal || kind == Kind::kSyslogSocket || kind == Kind::kSyslogUdp;
  }
  bool operator==(const LogTarget&) const = default;
};

std::optional<LogTarget> parse_log_target(std::string_view text);

}  // namespace cardea
