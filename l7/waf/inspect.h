// One inspection: a question in, a verdict out. Takes the time that it takes; whoever runs it bounds that from outside.
#pragma once

#include "l7/waf/question.h"
#include "l7/waf/rule_set.h"

namespace cardea::l7::waf {

Verdict inspect(const Rules& rules, const Question& question);

}  // namespace cardea::l7::waf
