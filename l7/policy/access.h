// Who may ask (settings.Access): networks as they stand in the plan and in the files that it names.
#pragma once

#include <memory>

#include "base/policies_generated.h"
#include "l7/policy/file_book.h"

namespace cardea::l7::policy {

class Access {
 public:
  Access() = default;  // everybody
  static Result<Access> read(const settings::AccessT& from, FileBook& files);

  bool allows(const IpAddress& client) const {
    return !(deny_ && deny_->has(client)) && (!allow_ || allow_->has(client));
  }
  bool limits() const { return allow_ || (deny_ && !deny_->empty()); }

 private:
  std::shared_ptr<const NetworkSet> allow_, deny_;  // null: everybody, nobody
};

}  // namespace cardea::l7::policy
