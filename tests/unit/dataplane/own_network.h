// A network of a test's own, for the thread that made it and the threads that this one starts, until it is destroyed.
// In it: eth9 (192.0.2.2/24, 2001:db8:2::2/64, link address 02:00:00:00:00:05), and wire9, what it is plugged into.
#pragma once

#include "base/file_descriptor.h"

namespace cardea::dataplane::test {

class OwnNetwork {
 public:
  OwnNetwork();  // CHECKs that it can be made: needs root
  OwnNetwork(const OwnNetwork&) = delete;
  ~OwnNetwork();

 private:
  FileDescriptor before_;
};

}  // namespace cardea::dataplane::test
