// What cardea-waf is told of a request, and its worker's word on it.
#pragma once

#include <optional>
#include <string_view>

#include "l7/runtime/loop.h"
#include "l7/runtime/task.h"
#include "l7/waf/message.h"

namespace cardea::l7::proxy {

class Exchange;

struct WafAnswer {
  enum class Kind : uint8_t {
    kVerdict,
    kFull,   // as many wait as may
    kAway,   // nobody took it, or who took it had other rules
    kLate,   // somebody took it, and no verdict came
  };
  Kind kind = Kind::kAway;
  std::string_view why;  // in a word, where nobody took it
  waf::Verdict verdict;
};

// Whether it is cardea-waf that listens at the other end of a socket.
bool is_waf(int socket);
// The user that it runs as is looked up here, now and then until this host has one: the control thread's to do, before it
// hands over rules and so before any shard has a question.
void seek_waf_user();

// `terms`: of the policy, as waf::write made them.
Task<WafAnswer> ask_waf(Exchange& exchange, std::string_view terms, std::string_view body, Instant deadline);

}  // namespace cardea::l7::proxy
