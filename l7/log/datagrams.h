// An access log's lines as datagrams, each one line: to syslog (RFC 5424) over UDP or a Unix socket, or to journald in its
// own protocol. Never waits: what is not taken now is offered again, what cannot arrive is counted as lost.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file_descriptor.h"
#include "base/log_target.h"

namespace cardea::l7 {

class Datagrams {
 public:
  enum class Outcome : uint8_t {
    kTaken,
    kLost,         // it can never arrive
    kEarlierLost,  // one before it did not; offer it again
    kNotNow,       // who reads is slow
    kFailed,       // nobody is there: `error`
  };

  explicit Datagrams(LogTarget target);

  // `line` without its newline.
  Outcome send(std::string_view line);
  int fd() const { return socket_.get(); }
  int error() const { return error_; }

 private:
  bool connect();
  void put_header();

  const LogTarget target_;
  FileDescriptor socket_;
  std::string text_, host_;
  int error_ = 0;
};

}  // namespace cardea::l7
