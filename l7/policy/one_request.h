// Variables whose values no two requests have in common, and by which no answer is chosen. What is made of them tells
// nobody's page from another's; an answer that says that it varies by them is good for nobody else.
#pragma once

#include "base/template.h"

namespace cardea::l7::policy {

inline bool is_of_one_request(const Variable& variable) {
  return variable.id == VariableId::kRequestId || variable.id == VariableId::kClientPort;
}

}  // namespace cardea::l7::policy
