#include "l7/upstream/place.h"

namespace cardea::l7::upstream {

void Place::take() {
  if (std::exchange(taken_, true)) return;
  backend_->set_busy(backend_->busy + 1);
  counted_ = backend_->host_busy == &host_counts_->busy;
  if (counted_ && std::exchange(backend_->claimed, false)) return;
  backend_->unclaim();
  if (counted_) host_counts_->busy.take();
}

void Place::give_back() {
  if (!std::exchange(taken_, false)) return;
  backend_->set_busy(backend_->busy - 1);
  if (counted_) host_counts_->busy.give_back();
}

}  // namespace cardea::l7::upstream
