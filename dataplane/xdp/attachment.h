// How the program gets onto its interface. DPDK's af_xdp driver loads it from a file and attaches it by itself, tells
// nobody where its maps are, and insists that no program is there yet: the one that a killed process left would have to
// go first, and layer 4's packets would be the kernel's until the next one knows what is whose. So the driver's call of
// libbpf is answered here: the maps are filled first, and the new program takes the place of the old one in one step.
#pragma once

#include <functional>

#include "base/error.h"

namespace cardea::dataplane::xdp {

// While it lives, for programs that this process attaches to one interface; one at a time.
class Attachment {
 public:
  using Fill = std::function<Result<>(int program)>;
  // `fill` gets the program before a frame does. An Error of it keeps the program away, and the driver is told that.
  Attachment(int interface_index, Fill fill);
  Attachment(const Attachment&) = delete;
  ~Attachment();

  // Whether a program was attached; the Error is fill()'s.
  const Result<>& outcome() const { return outcome_; }

  // A call of bpf_xdp_attach by anybody; what it returns.
  static int attach(int interface_index, int program, unsigned flags, const void* options);

 private:
  bool concerns(int interface_index, int program) const;

  int interface_index_;
  Fill fill_;
  Result<> outcome_;
};

}  // namespace cardea::dataplane::xdp
