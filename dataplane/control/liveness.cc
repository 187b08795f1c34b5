#include "dataplane/control/liveness.h"

#include "dataplane/control/running.h"

namespace cardea::dataplane {

// Those that sleep are called.
void Liveness::tick(Instant now) {
  if (!watchdog_.due(now)) return;
  call_threads();
  if (!all_went_on()) return;
  watchdog_.feed(now);
  const QuietPoints& points = *running_.quiet_points;
  fed_mark_ = running_.quiet_points->mark();
  fed_wakes_.resize(points.size());
  for (size_t reader = 0; reader < points.size(); ++reader) fed_wakes_[reader] = points.wakes(reader);
}

// Again and again: a bell that rings while its owner is about to sleep is not heard.
void Liveness::call_threads() {
  for (auto& worker : running_.rings->workers) worker->bell.ring();
  for (auto& door : running_.rings->doors) door->bell.ring();
}

bool Liveness::all_went_on() const {
  for (size_t reader = 0; reader < fed_wakes_.size(); ++reader)
    if (!running_.quiet_points->went_on(reader, fed_mark_, fed_wakes_[reader])) return false;
  return true;
}

}  // namespace cardea::dataplane
