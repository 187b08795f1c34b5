// A file that the plan names, whole, by the control thread.
#pragma once

#include <cstddef>
#include <string>

#include "base/error.h"

namespace cardea::l7::policy {

// The operator's doing where it is not there, cannot be read, or is longer.
Result<std::string> read_file(const std::string& path, size_t bytes_max);
// The same of what nobody else may know: refused where every user of the host can read or write it.
Result<std::string> read_secret_file(const std::string& path, size_t bytes_max);

}  // namespace cardea::l7::policy
