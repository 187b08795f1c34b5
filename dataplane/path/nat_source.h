// Where a fullnat flow gets the NAT address and port that its backend answers to, and who gives one up for it.
#pragma once

#include <vector>

#include "dataplane/path/batch.h"
#include "dataplane/path/worker_state.h"

namespace cardea::dataplane::path {

// Fills the NAT address and port of `nat`, whose backend is set, and the hash of the tuple that replies have then.
// False: there is none within the bound, or there was none this millisecond. Ends the flow that gives way, if one does.
bool find_nat_source(WorkerState& worker, Batch& batch, uint32_t row, const std::vector<IpAddress>& addresses,
                     FlowNat& nat, uint64_t& reply_hash);

}  // namespace cardea::dataplane::path
