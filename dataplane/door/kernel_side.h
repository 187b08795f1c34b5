// The kernel's side of a port: the Linux interface that has the port's addresses, routes and neighbours, whichever that
// is: a TAP beside the port (tap.h), or the interface that the port itself stands on and shares with the kernel
// (shared_interface.h). What is written here holds for both: addresses set on index() are answered for, neighbours
// asked for there are resolved, a frame that is given is received there, and what the host sends there leaves by the
// port.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <span>

#include "base/error.h"
#include "dataplane/path/reasons.h"

namespace cardea::dataplane {

class KernelSide {
 public:
  virtual ~KernelSide() = default;

  // The kernel's number of the interface.
  virtual int index() const = 0;

  // Readable when the host has sent something that the port has to carry, one frame a read, behind its VirtioHeader.
  // `queue`: each of the door's threads has one, a flow stays in one. -1: what the host sends leaves by itself.
  virtual int descriptor(uint32_t queue) const = 0;

  // The kernel receives this frame, its VirtioHeader first, however large TCP segments were put together to make it.
  // What became of it: kNone, or why it was lost. By the door's thread that has this queue.
  virtual Reason give(uint32_t queue, std::span<const iovec> pieces) = 0;

  // Of a side that takes them large; to the others frames are given as they came.
  virtual bool takes_large() const = 0;

  // The kernel sees whether the port has a link: routing protocols leave a port without one at once.
  virtual Result<> set_carrier(bool up) = 0;

  // Gives the interface the port's MAC address back when somebody gave it another one, as udev does to interfaces that
  // it finds new (systemd.link(5), MACAddressPolicy): whoever resolves the port learns the interface's, and the port
  // takes no frame for that. True: it had another one.
  virtual Result<bool> keep_mac() = 0;
};

}  // namespace cardea::dataplane
