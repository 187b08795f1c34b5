// What a web application firewall is asked about requests (settings.Waf), and what follows from what it says or does not
// say. The rules themselves are cardea-waf's.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/policies_generated.h"

namespace cardea::l7::policy {

struct Waf {
  bool block = true;             // else what is found is only told
  bool refuse_over = true;       // what exceeds a limit; else its beginning is inspected
  bool pass_when_away = false;
  uint64_t body_max = 0;
  std::chrono::milliseconds time_max{500};
  uint64_t rules = 0;            // the set's number
  std::vector<std::string> files;  // that it is of
  std::string terms, terms_of_part;  // as questions have them; of one with a part of a body
  std::string says;              // in a few words, for explain

  static Result<Waf> read(const settings::WafT& from);
};

}  // namespace cardea::l7::policy
