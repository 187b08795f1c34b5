// Files that are replaced whole (written beside, synced, renamed), so that a crash leaves the old or the new one.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/error.h"

namespace cardea::mgmt {

Result<> write_file_whole(const std::string& path, Bytes content);
Result<std::string> read_whole_file(const std::string& path);

}  // namespace cardea::mgmt
