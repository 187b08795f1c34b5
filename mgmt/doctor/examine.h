// Judges a host and its ports before they are put to work: what would keep a port from opening, what would cost it
// packets or time, and the command that mends it. Pure: facts in, findings out.
#pragma once

#include <string>
#include <vector>

#include "conf/config.h"
#include "mgmt/doctor/facts.h"

namespace cardea::mgmt::doctor {

struct Finding {
  enum Level { kError, kWarning, kHint };  // it will not open; it will lose packets or time; it could be better
  Level level = kError;
  std::string about;          // a port's name, or "host"
  std::string message, mend;  // `mend`: a command, or what to do where no command does it; may be empty
};
using Findings = std::vector<Finding>;

Findings examine_host(const HostFacts& host, const conf::Dataplane& dataplane, const std::vector<DeviceFacts>& devices);
// `cards`: what there is where the configured one is not.
Findings examine_port(const DeviceFacts& device, const conf::Port& port, const HostFacts& host,
                      const conf::Dataplane& dataplane, const std::vector<std::string>& cards);

}  // namespace cardea::mgmt::doctor
