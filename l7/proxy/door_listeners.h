// Where this shard's own TCP listens for services: each endpoint as a ServiceListener is for kernel sockets, by the plan
// that runs. Kernel sockets listen there too: for this host itself, and for what comes while no door is attached.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "l7/door/shard_door.h"

namespace cardea::l7::proxy {

class Shard;
struct LiveService;

class DoorListeners {
 public:
  DoorListeners(Shard& shard, door::ShardDoor& door);
  DoorListeners(const DoorListeners&) = delete;
  ~DoorListeners();

  // What listens already goes on for the service that has the endpoint now; what is no longer wanted leaves: it lets in
  // what had begun to connect. Services of before still live.
  void adopt(const std::map<Endpoint, LiveService*>& wanted);
  size_t count() const { return at_.size(); }

 private:
  class One;
  void leave(std::unique_ptr<One> one);
  void left(One& one);

  Shard& shard_;
  door::ShardDoor& door_;
  std::map<Endpoint, std::unique_ptr<One>> at_;
  std::vector<std::unique_ptr<One>> leaving_;
};

}  // namespace cardea::l7::proxy
