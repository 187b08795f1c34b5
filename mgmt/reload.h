// From the configuration file to a candidate: read, checked, compared with what is in force, its rings built. Nothing
// is sent; a file with mistakes changes nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "conf/finding.h"
#include "mgmt/candidate.h"

namespace cardea::mgmt {

struct Reload {  // how one went, for the answer, the status and the metrics
  enum class Ending : uint8_t {
    kAdopted,   // every process concerned runs it
    kAway,      // in force, and a process that is away gets it when it comes
    kMistakes,  // the file has errors
    kRefused,   // a process said no
  };
  Ending ending = Ending::kMistakes;
  std::chrono::system_clock::time_point at;
  std::chrono::microseconds duration{0};
  uint64_t generation = 0;  // of the plan that is in force now
  std::string error, hint;  // no error when it succeeded
  std::vector<std::string> changes;
  conf::Findings findings;

  bool success() const { return ending == Ending::kAdopted || ending == Ending::kAway; }
};

struct Prepared {
  std::optional<Candidate> candidate;  // none: reload.error says why
  Reload reload;                       // findings and changes; how it ends is not known yet
};

// An Error is about the configuration as a whole; what is wrong with a setting was found when it was read.
Result<Candidate> candidate_of(std::shared_ptr<const conf::Config> config, uint64_t generation, const Runtime& runtime,
                               RingCache& rings);
Prepared prepare(const std::string& path, const Candidate& in_force, const Runtime& runtime, RingCache& rings);

}  // namespace cardea::mgmt
