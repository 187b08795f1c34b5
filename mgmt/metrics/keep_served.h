// The metrics page where the configuration wants it, if need be later: an address may come after this process (a
// virtual router's, a TAP's), and a port may be given up by whoever has it.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/ip.h"

namespace cardea::mgmt {
class EventLoop;
}

namespace cardea::mgmt::metrics {

class Page;

inline constexpr std::chrono::milliseconds kTryAgain{1000};

// Why it is not served, or nothing when it is; told each time that it was tried.
using Warn = std::function<void(std::string)>;

// What cannot be had now is tried for again, without a word in the log until it is there, and until another address is
// wanted. In the loop's thread; the page outlives the loop's work.
void keep_served(EventLoop& loop, Page& page, const Endpoint& at, const Warn& warn,
                 std::chrono::milliseconds again_after = kTryAgain);

}  // namespace cardea::mgmt::metrics
