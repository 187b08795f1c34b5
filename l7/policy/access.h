// Who may ask (settings.Access): networks as they stand in the plan and in the files that it names.
#pragma once

#include "base/policies_generated.h"
#include "l7/policy/network_set.h"

namespace cardea::l7::policy {

class Access {
 public:
  Access() = default;  // everybody
  static Result<Access> read(const settings::AccessT& from);

  bool allows(const IpAddress& client) const { return !deny_.has(client) && (!limited_ || allow_.has(client)); }
  bool limits() const { return limited_ || !deny_.empty(); }

 private:
  NetworkSet allow_, deny_;
  bool limited_ = false;  // to those that are allowed
};

}  // namespace cardea::l7::policy
