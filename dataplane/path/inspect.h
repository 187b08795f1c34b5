// Questions to a worker about its flows. Control posts a request; the worker works on it a few entries at a time
// between bursts and marks it done, so no other thread ever reads a flow table. The request's memory is control's,
// reserved before it is posted: the worker copies plain values and formats nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/flow_hash.h"
#include "dataplane/path/explain.h"
#include "dataplane/state/flow_table.h"

namespace cardea::dataplane {

struct FlowRecord {
  FlowTuple tuple;
  std::optional<Endpoint> nat_source;
  ServiceId service = kNoService;
  SlotId slot = kNoSlot;
  FlowState state = FlowState::kFree;
  uint32_t idle_ms = 0;
};

struct FlowsRequest {
  // What to keep; unset means all.
  std::optional<ServiceId> service;
  std::vector<SlotId> slots;  // any of them
  std::optional<IpAddress> client;
  uint32_t limit = 100;

  std::vector<FlowRecord> flows;  // capacity reserved by InspectBox::ask
  uint64_t total = 0;             // how many matched; more than flows.size() when the limit cut them off
  uint32_t next_group = 1;        // the worker's place
};

struct InspectRequest {
  FlowsRequest* flows = nullptr;  // one of the two
  Explanation* explain = nullptr;
  std::atomic<bool> done = false;
};

// One question of each kind at a time, so that a walk through a large table keeps no explanation waiting.
class InspectBox {
 public:
  InspectBox() = default;
  InspectBox(const InspectBox&) = delete;
  // Control: posts and returns at once; `request` stays valid until done. false when another one of its kind is being
  // worked on. The worker may have to be woken.
  bool ask(InspectRequest& request);
  // Worker: the quicker one first.
  InspectRequest* pending() const {
    InspectRequest* quick = explain_.load(std::memory_order_acquire);
    return quick != nullptr ? quick : flows_.load(std::memory_order_acquire);
  }
  void finish(InspectRequest& request);

 private:
  std::atomic<InspectRequest*>& place_of(const InspectRequest& request) {
    return request.flows != nullptr ? flows_ : explain_;
  }
  std::atomic<InspectRequest*> flows_ = nullptr, explain_ = nullptr;
};

}  // namespace cardea::dataplane
