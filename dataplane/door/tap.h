// A TAP interface beside a port as its kernel side, with the port's name and MAC address, that lives as long as the
// object.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "dataplane/door/kernel_side.h"

namespace cardea::dataplane {

class Tap final : public KernelSide {
 public:
  // Makes the interface, gives it MAC and MTU and brings it up. An interface of that name that is not ours is an Error.
  // Of its queues the kernel takes for a flow the one that the flow's packets last came by.
  static Result<std::unique_ptr<Tap>> open(const std::string& name, const std::array<uint8_t, 6>& mac, uint32_t mtu,
                                           uint32_t queues = 1);

  // `queues`: non-blocking; one read or write is one frame behind its VirtioHeader.
  Tap(std::vector<FileDescriptor> queues, int index, std::string name, const std::array<uint8_t, 6>& mac)
      : queues_(std::move(queues)), index_(index), name_(std::move(name)), mac_(mac) {}

  int index() const override { return index_; }
  int descriptor(uint32_t queue) const override { return queues_[queue].get(); }
  Reason give(uint32_t queue, std::span<const iovec> pieces) override;
  bool takes_large() const override { return true; }
  Result<> set_carrier(bool up) override;
  Result<bool> keep_mac() override;

 private:
  std::vector<FileDescriptor> queues_;
  int index_;
  std::string name_;
  std::array<uint8_t, 6> mac_;
};

}  // namespace cardea::dataplane
