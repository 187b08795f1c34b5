// One exchange's place at a backend: of what this shard has under way there, and of connections_max where somebody
// counts that for the host. A connection of HTTP/1 has one while an exchange has it, a call of HTTP/2 has its own.
#pragma once

#include <memory>
#include <utility>

#include "l7/upstream/backend.h"

namespace cardea::l7::upstream {

class Place {
 public:
  Place(std::shared_ptr<Backend> backend, std::shared_ptr<BackendCounts> host_counts)
      : backend_(std::move(backend)), host_counts_(std::move(host_counts)) {}
  Place(Place&& other) noexcept
      : backend_(other.backend_),
        host_counts_(other.host_counts_),
        taken_(std::exchange(other.taken_, false)),
        counted_(other.counted_) {}
  ~Place() { give_back(); }

  // The one that was claimed, if one was. Again does nothing.
  void take();
  void give_back();

 private:
  std::shared_ptr<Backend> backend_;
  std::shared_ptr<BackendCounts> host_counts_;
  bool taken_ = false;
  bool counted_ = false;  // in host_counts_
};

}  // namespace cardea::l7::upstream
