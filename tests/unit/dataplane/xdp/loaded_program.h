// The program as the kernel runs it, loaded from its file as DPDK's driver does, and asked about frames that nobody
// sent.
#pragma once

#include <memory>
#include <vector>

#include "base/file_descriptor.h"
#include "dataplane/xdp/filter.h"

struct bpf_object;

namespace cardea::dataplane::xdp::test {

class LoadedProgram {
 public:
  LoadedProgram();  // CHECKs that the kernel takes it: needs root

  // What the program returns: an enum xdp_action. Frames of 14 to some 3,000 bytes.
  int verdict(const std::vector<std::byte>& frame) const;
  // The one reason that `frame` is counted by, `unattended` aside.
  Reason reason(const std::vector<std::byte>& frame) const;

  // From now on a socket takes what comes by queue 0.
  void attend();

  int fd() const { return program_; }
  Filter filter;

 private:
  struct Close {
    void operator()(bpf_object* object) const;
  };
  explicit LoadedProgram(std::unique_ptr<bpf_object, Close> object);

  std::unique_ptr<bpf_object, Close> object_;
  int program_ = -1;
  FileDescriptor socket_;
};

}  // namespace cardea::dataplane::xdp::test
