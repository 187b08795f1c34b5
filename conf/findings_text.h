// Findings as people read them, with the line in question below each, and as JSON for programs.
#pragma once

#include <string>

#include "conf/finding.h"
#include "conf/source.h"

namespace cardea::conf {

std::string_view name(Finding::Level level);  // "error", "warning", "hint"

size_t count(const Findings& findings, Finding::Level level);

// "cardea.cfg:12: error: pools[0].backends[1].wieght: unknown setting; did you mean weight?"
std::string line_of(const Finding& finding);

// Each finding with its line of the document below it, and a closing sentence that counts them.
std::string findings_text(const Findings& findings, const Source& source);

// {"findings":[{"level","file","line","path","message","expected","nearest","text"}…],"errors":n,"warnings":n,"hints":n}
std::string findings_json(const Findings& findings);

}  // namespace cardea::conf
