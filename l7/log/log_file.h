// The file, pipe or standard stream that lines go to as a stream of bytes. A file that has grown as far as it may is
// renamed at the end of a line (log → log.1 → log.2 …) and a new one is begun. The writer's own thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "base/log_target.h"

namespace cardea::l7 {

class LogFile {
 public:
  LogFile() = default;
  // Appends to what is there. A FIFO is opened for reading too, so that it may be opened before its reader and outlives
  // each of them.
  static Result<LogFile> open(const LogTarget& target);

  // As write(2).
  ssize_t write(std::string_view text);
  // At the end of a line. An Error: it goes on growing.
  Result<> rotate_if_due();
  int fd() const { return file_.get(); }

 private:
  LogTarget target_;
  FileDescriptor file_;
  uint64_t size_ = 0;  // of one that is to be rotated
};

}  // namespace cardea::l7
