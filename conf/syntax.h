// What a syntax error most likely comes from. libconfig says only the line it gave up at; the usual causes (brackets
// that do not match, text without quotes, a comma too many or too few) can be seen in the text before it.
#pragma once

#include <string>

#include "conf/source.h"

namespace cardea::conf {

struct SyntaxCause {
  std::string message;  // empty: no idea
  std::string expected;
  unsigned line = 0;         // of the text, where the cause is; 0: where the parser gave up
  std::string nearest = {};  // what was probably meant, as it should be written; may be empty
};

// `line`: of the text, where the parser gave up.
SyntaxCause syntax_cause(const Source& source, unsigned line);

// The setting on `line` or before that was already set in the same group, and where.
SyntaxCause duplicate_cause(const Source& source, unsigned line);

}  // namespace cardea::conf
