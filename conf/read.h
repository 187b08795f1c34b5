// A configuration file, or text, to a checked Config. Every mistake of a document is reported, not only the first;
// there is a Config only when no error was found (warnings and hints may remain).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "conf/config.h"
#include "conf/finding.h"
#include "conf/source.h"

namespace cardea::conf {

struct ReadResult {
  std::optional<Config> config;
  Findings findings;  // in the order of the files and their lines
  Source source;      // what was read, for showing the lines in question
};

// What was found out about it later, beside what is known: each finding gets the line of the setting whose path it has.
void add_findings(ReadResult& read, Findings more);

ReadResult read_file(const std::string& path);

// `name` stands for the file's name in places and is what includes are relative to.
ReadResult read_text(std::string_view text, const std::string& name, Includes includes = Includes::kRefuse);

}  // namespace cardea::conf
