// What the variables of an operator's texts (base/template.h) stand for in an exchange.
#pragma once

#include <string_view>

#include "base/template.h"

namespace cardea::l7::proxy {

class Exchange;

// In the exchange's arena or one of its buffers; empty where there is nothing. Nothing that it gives can end a line.
std::string_view value_of(Exchange& exchange, const Variable& variable);
// All of a text, behind `front` and before `end`; empty where its variables leave nothing of it.
std::string_view write_text(Exchange& exchange, const Template& text, std::string_view front = {},
                            std::string_view end = {});

}  // namespace cardea::l7::proxy
