// This process's door to the dataplane: asked for as soon as a plan needs one, handed to the shards, and asked for again
// when the dataplane has gone or a shard found it broken. Nothing here waits. Once needed it is kept: what runs over it
// ends in its own time. Control thread only.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/file_descriptor.h"
#include "l7/control/running.h"

namespace cardea::l7 {

class DoorAttachment {
 public:
  explicit DoorAttachment(std::string path) : path_(std::move(path)) {}

  // After something happened at fd(), and when looks_again() has passed.
  void tend(Running& running, Instant now);
  int fd() const { return socket_.get(); }  // -1: none
  // How long at most until tend() wants to be called, of at most `otherwise`.
  std::chrono::milliseconds looks_again(std::chrono::milliseconds otherwise) const;
  bool attached() const { return door_ != nullptr; }

 private:
  void ask(Instant now);
  void listen(Running& running, Instant now);
  void lose(Running& running, const std::string& why, Instant now);
  void complain(const std::string& why);

  std::string path_;
  const Running* of_ = nullptr;
  bool wanted_ = false;
  FileDescriptor socket_;
  std::shared_ptr<door::AttachedDoor> door_;
  Instant ask_at_{};
  std::string complained_;  // the same is not said twice
};

}  // namespace cardea::l7
