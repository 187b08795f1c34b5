// Whether a cardea-mgmt runs on this host, as /proc tells it: for whoever cannot reach one. What has died and was not
// waited for is none, and one in a container has its socket in there.
#pragma once

#include <optional>
#include <string>

namespace cardea::mgmt::cli {

struct MgmtProcess {
  int pid = 0;
  bool elsewhere = false;  // in a PID namespace of its own
};

// One that is not elsewhere, if there is one. `proc`: where the kernel's list of processes is.
std::optional<MgmtProcess> find_mgmt(const std::string& proc = "/proc");

}  // namespace cardea::mgmt::cli
