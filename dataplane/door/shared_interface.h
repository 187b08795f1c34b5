// A port's own interface as its kernel side: the kernel already has every frame but those that the program of the
// interface took for the dataplane (xdp/share.bpf.c). What of these turns out to be the kernel's after all, an ICMP
// error or a fragment of another's, is received anew, as if it came in by the interface: the kernel runs a program of
// ours over it that passes it on (BPF_PROG_TEST_RUN with live frames, Linux 5.18). That is some 10 µs a frame; such
// frames are few.
#pragma once

#include <string>

#include "base/file_descriptor.h"
#include "dataplane/door/kernel_side.h"
#include "dataplane/xdp/filter.h"

namespace cardea::dataplane {

class SharedInterface final : public KernelSide {
 public:
  // `filter`, of the interface's program, outlives the object. Needs CAP_SYS_ADMIN; give() does not.
  static Result<std::unique_ptr<SharedInterface>> open(const std::string& name, const xdp::Filter& filter);

  int index() const override { return index_; }
  int descriptor(uint32_t) const override { return -1; }
  // Not what is for a service of layer 4: while it comes or goes, a plan and the program differ for a moment, and the
  // kernel would refuse what it is given. What came to a NAT port and is of no flow is the kernel's, whose programs may
  // have ports there too.
  Reason give(uint32_t queue, std::span<const iovec> pieces) override;
  bool takes_large() const override { return false; }
  Result<> set_carrier(bool) override { return {}; }    // it is the port's own
  Result<bool> keep_mac() override { return false; }  // and so is this

 private:
  SharedInterface(FileDescriptor pass, int index, const xdp::Filter& filter)
      : pass_(std::move(pass)), index_(index), filter_(filter) {}

  FileDescriptor pass_;  // the program
  int index_;
  const xdp::Filter& filter_;
};

}  // namespace cardea::dataplane
