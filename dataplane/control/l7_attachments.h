// RUN/door.sock: a cardea-l7 that speaks TCP of its own comes here for its door (base/l7_door_socket.h) and stays
// connected for as long as it lives. Who is attached is a value for the workers (L7Instances); what is taken away here
// is freed when no worker can hold it any more. Control thread only.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/file_descriptor.h"
#include "dataplane/state/l7_instances.h"
#include "dataplane/worker_rings.h"

namespace cardea::dataplane {

class L7Attachments {
 public:
  static constexpr size_t kAskingMax = 8;  // connections that have not asked yet

  struct Attached {
    FileDescriptor socket;
    std::shared_ptr<L7Instance> instance;
    int32_t process = 0;
  };

  static Result<L7Attachments> listen(const std::string& path);

  // Becomes readable when there is something to serve.
  int fd() const { return epoll_.get(); }
  // True: value() is another one than before, and has to be published.
  bool serve(const Rings& rings);
  // Those whose pipes a worker found broken are sent away. True: as above.
  bool end_broken();

  std::unique_ptr<const L7Instances> value() const;
  const std::vector<Attached>& attached() const { return attached_; }  // the oldest first
  uint64_t attached_ever() const { return attached_ever_; }
  uint64_t broken_ever() const { return broken_ever_; }

 private:
  L7Attachments(FileDescriptor listener, FileDescriptor epoll)
      : listener_(std::move(listener)), epoll_(std::move(epoll)) {}
  void take_connection();
  bool hear(int socket, const Rings& rings);
  bool attach(FileDescriptor socket, const Rings& rings);
  Result<std::shared_ptr<L7Instance>> make_instance(const DoorRequest& request, const Rings& rings) const;
  bool end(int socket, Left how);

  FileDescriptor listener_, epoll_;
  std::map<int, FileDescriptor> asking_;
  std::vector<Attached> attached_;
  std::array<Left, kInstances> left_{};
  uint64_t attached_ever_ = 0, broken_ever_ = 0;
};

}  // namespace cardea::dataplane
