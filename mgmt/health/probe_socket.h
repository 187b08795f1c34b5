// A non-blocking TCP connection to a backend.
#pragma once

#include <span>
#include <string_view>

#include "base/file_descriptor.h"
#include "base/ip.h"
#include "mgmt/health/transfer.h"

namespace cardea::mgmt::health {

class ProbeSocket {
 public:
  // Starts connecting: kDone when it was accepted at once, kWantWrite while under way.
  Transfer connect(const Endpoint& to);
  Transfer finish_connect();  // once writable

  Transfer read(std::span<char> into);
  Transfer write(std::string_view bytes);

  // Nothing more will be sent: the connection ends without the minute of TIME-WAIT that holds a local port, which ten
  // thousand backends checked every two seconds would run out of.
  void close_by_reset();

  int fd() const { return fd_.get(); }

 private:
  FileDescriptor fd_;
};

}  // namespace cardea::mgmt::health
