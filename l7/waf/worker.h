// A worker: one thread that takes one question after another off the socket that all of them listen to, and may be killed
// at any time: whoever asked sees its connection end, and nobody else notices. The socket's queue is the queue of all.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>

#include "l7/waf/rule_set.h"
#include "l7/waf/tally.h"

namespace cardea::l7::waf {

using RuleSets = std::map<uint64_t, Rules>;

// Until SIGTERM comes, which lets it finish what it has begun; ends the process. What takes longer than its question
// allows is ended by the kernel (SIGPROF: of its own time, SIGALRM: of the clock's), and so is, 50 ms after its asker left,
// what nobody waits for. `user`: who may ask, beside root.
[[noreturn]] void work(int listener, std::optional<uid_t> user, const RuleSets& sets, Tally& tally, Tally::Worker& own);

}  // namespace cardea::l7::waf
