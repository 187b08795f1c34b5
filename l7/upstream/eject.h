// Backends that fail request after request are left alone by the whole host (pools[].ejection): what an error or an
// answer means for that. Where one more would be too many, or a backend would be the last, errors are
// counted anew.
#pragma once

#include "l7/upstream/backend.h"

namespace cardea::l7::upstream {

void judge_status(Backend& backend, bool gateway_error);
void judge_error(Backend& backend);

// Whether one more of the pool may be ejected: at most its share of those that serve, one always, never the last.
bool may_eject(const PoolPlan& pool, const BackendPlan& backend, Instant now);

}  // namespace cardea::l7::upstream
