// Where access logs may go, as it is written.
#include "base/log_target.h"

#include <gtest/gtest.h>

namespace cardea {
namespace {

using Kind = LogTarget::Kind;

TEST(LogTarget, IsReadAsItIsWritten) {
  EXPECT_EQ(parse_log_target("/var/log/a.log")->kind, Kind::kFile);
  EXPECT_EQ(parse_log_target("/var/log/a.log")->path, "/var/log/a.log");
  EXPECT_EQ(parse_log_target("stderr")->kind, Kind::kStandardError);
  EXPECT_EQ(parse_log_target("stdout")->kind, Kind::kStandardOutput);
  EXPECT_EQ(parse_log_target("journald")->kind, Kind::kJournal);
  EXPECT_EQ(parse_log_target("syslog")->path, "/dev/log");
  EXPECT_EQ(parse_log_target("syslog:/run/x.sock")->path, "/run/x.sock");
  EXPECT_EQ(parse_log_target("syslog:192.0.2.9:514")->endpoint.text(), "192.0.2.9:514");
  EXPECT_EQ(parse_log_target("syslog:[2001:db8::9]:514")->kind, Kind::kSyslogUdp);
}

TEST(LogTarget, NothingElseIsOne) {
  for (const std::string& text :
       {std::string(), std::string("access.log"), std::string("syslogd"), std::string("syslog:"), std::string("syslog:host:514"),
        std::string("syslog:192.0.2.9"), std::string("syslog:192.0.2.9:0"), "syslog:/" + std::string(107, 'x'),
        std::string("/a\0b", 4)})
    EXPECT_FALSE(parse_log_target(text)) << text;
}

}  // namespace
}  // namespace cardea
