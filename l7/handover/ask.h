// How the process that serves is told to hand over, by the program that is to take its place.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace cardea::l7::handover {

// This process becomes two. The successor comes back at once, with its end towards the process that listens at
// `plan_socket`; who asked comes back without one when that process has answered. An Error: it serves on.
Result<std::optional<FileDescriptor>> ask(const std::string& plan_socket);

}  // namespace cardea::l7::handover
