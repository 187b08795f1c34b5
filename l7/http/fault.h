// Why a message was refused, as one small value: a word for logs and metrics, a status for the client, a sentence for
// the operator. The rows are faults.def.
#pragma once

#include <cstdint>
#include <string_view>

namespace cardea::l7::http {

enum class Fault : uint8_t {
#define HTTP_FAULT(id, word, status, sentence) id,
#include "l7/http/faults.def"
#undef HTTP_FAULT
};

std::string_view word(Fault fault);         // "bare_lf"
std::string_view explanation(Fault fault);  // "a LF without the CR before it"
uint16_t request_status(Fault fault);       // what the client is told when its request has this fault

}  // namespace cardea::l7::http
