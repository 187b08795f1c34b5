// Rows of `l7.access_logs`: which exchanges are logged, how, and where to.
#include <fmt/format.h>

#include "base/exchange_field.h"
#include "conf/schema_sections.h"
#include "conf/syslog_facility.h"

namespace cardea::conf {
namespace {

constexpr uint64_t kTiB = uint64_t{1} << 40;

Form<LogMask> mask_words() {
  return word<LogMask>({{"query", LogMask::kQuery, "what is behind a '?' of a URL, of Referer too, is not told"},
                        {"client", LogMask::kClient, "only a client's network is told, its /24 or /48, and no port"}});
}

std::string fields_told() {
  std::string told = "The fields, for formats and conditions:";
  for (const ExchangeFieldRow& row : exchange_fields())
    told += fmt::format(" {} ({}){}", row.name, row.prose, row.name == exchange_fields().back().name ? "." : ",");
  return told;
}

const char* const kHowConditionsAreRead =
    "Comparisons are == (or =), !=, <, <=, > and >=, and =~ and !~ with a regular expression in RE2's syntax for the whole "
    "of a text; && binds more than ||, ! denies, parentheses group. Texts stand in \" or ' where they are more than a word; "
    "times are milliseconds, or have a unit (500ms, 2s). What an exchange has nothing of is equal to nothing and different "
    "from all. Masks hide nothing from conditions.";

const char* const kWhereLinesGo =
    "Lines for syslog are messages of RFC 5424 with severity 6; over UDP, or by a Unix socket's datagrams, and so lines that "
    "are too long for one, or that nobody listened for, are counted (cardea_l7_log_lost_total) and gone. Where a Unix socket "
    "is not there, or its reader is slow, lines wait in access_log_ring. To journald its own protocol is spoken. Nothing "
    "that a log does holds up a shard: what does not fit is dropped and counted (cardea_l7_log_dropped_total).";

}  // namespace

const Section& access_log_section() {
  static const std::string fields = fields_told();
  static const Section section = section_of<AccessLog>(
      "access log", "name",
      {
          value("name", &AccessLog::name, name(64),
                {.prose = "The log's name, used by services and metrics.",
                 .example = "name = \"errors\";",
                 .required = true}),
          value("to", &AccessLog::to, log_target(),
                {.prose = "Where lines go: a file or FIFO, syslog of this host or another, journald, stderr or stdout.",
                 .example = "to = \"syslog:192.0.2.9:514\";",
                 .required = true,
                 .details = kWhereLinesGo}),
          value("format", &AccessLog::format, line_format(),
                {.prose = "How a line looks: JSON, the forms of Apache (clf, combined) and HAProxy (httplog), or a text "
                          "with ${field}s. Everything but printable ASCII, and \" and \\, is escaped; what there is "
                          "nothing of is \"-\".",
                 .example = "format = \"${clf_time} ${client_address} ${request} ${status}\";",
                 .details = fields}),
          value("when", &AccessLog::when, exchange_filter(),
                {.prose = "Which exchanges have a line.",
                 .example = "when = \"status >= 500 || t_total_ms > 2s\";",
                 .unset = "all have",
                 .details = kHowConditionsAreRead}),
          value("sample", &AccessLog::sample, number<uint32_t>(1, 100),
                {.prose = "How many of a hundred of these have one, by chance.", .example = "sample = 10;"}),
          value("mask", &AccessLog::mask, mask_words(),
                {.prose = "What is not told of clients.",
                 .example = "mask = [\"query\", \"client\"];",
                 .count_max = 2,
                 .unset = "all is told"}),
          value("rotate_size", &AccessLog::rotate_size, size(0, kTiB),
                {.prose = "A file that has grown so far is renamed, at the end of a line, and a new one begun: NAME.1 is "
                          "the newest of the old. \"0\": whoever else renames it tells cardea-l7 by USR1.",
                 .example = "rotate_size = \"100MB\";"}),
          value("rotate_keep", &AccessLog::rotate_keep, number<uint32_t>(1, 1000),
                {.prose = "How many old files are kept.", .example = "rotate_keep = 10;"}),
          value("facility", &AccessLog::facility, facility_form(),
                {.prose = "syslog: the facility of the messages.", .example = "facility = \"daemon\";"}),
      });
  return section;
}

}  // namespace cardea::conf
