// The API's Unix socket as a file: who finds it, who may open it.
#pragma once

#include <string>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace cardea::mgmt::api {

// Listens at `path` with mode 0660, and `group` when it is not empty. A file that a dead process left there is
// replaced; one where somebody answers, or that is no socket, is an Error.
Result<FileDescriptor> listen_at(const std::string& path, const std::string& group);

}  // namespace cardea::mgmt::api
