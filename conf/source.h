// The text of a document with its @include lines replaced by the files they name, and where each line of it was
// written. Included names are relative to the directory of the file that includes them. What cannot be included becomes
// a finding and an empty line. Bounded: files, nesting and total size have limits, so no chain of includes can exhaust
// memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conf/finding.h"

namespace cardea::conf {

enum class Includes : uint8_t { kFollow, kRefuse };

struct Source {
  std::string text;
  std::vector<std::string> files;  // the first is the document itself

  struct Line {
    size_t file;  // index into files
    unsigned line;
  };
  std::vector<Line> lines;  // of text

  Place place(unsigned line_of_text, std::string path = {}) const;  // lines count from 1
};

Source load_source(const std::string& path, Findings& findings);
Source source_of_text(std::string_view text, const std::string& name, Includes includes, Findings& findings);

}  // namespace cardea::conf
