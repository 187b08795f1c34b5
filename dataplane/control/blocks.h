// Who is blocked, and until when: what cardea-mgmt said last, less those whose time is over. It goes on by this process's own
// clock while nobody speaks to it. Of the control thread; workers see the list that is made of it.
#pragma once

#include <map>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "dataplane/state/block_list.h"

namespace cardea::dataplane {

class Blocks {
 public:
  using Sources = std::map<IpAddress, Instant>;  // until when

  Blocks();

  Result<> set(Result<Sources> sources);  // in place of those before; an Error changes nothing
  bool expire(Instant now);               // true: somebody's time was over
  size_t size() const { return sources_.size(); }
  std::unique_ptr<const BlockList> list() const;  // null: nobody

 private:
  HashKey key_;
  Sources sources_;
};

}  // namespace cardea::dataplane
