// What is done with the exchanges of a route, or of a service where no route matches, beside routing them: settings
// (base/policies.fbs) as they came, and what was made of them once.
#pragma once

#include <memory>
#include <unordered_map>

#include "base/policies_generated.h"
#include "l7/policy/header_rules.h"
#include "l7/policy/trusted_proxies.h"

namespace cardea::l7::policy {

struct Policies {
  HeaderRules request_headers, response_headers;
  TrustedProxies trusted_proxies;

  static Result<std::shared_ptr<const Policies>> read(const settings::Policies& from);
  static std::shared_ptr<const Policies> none();
};

// Those of one plan: routes that share theirs in the image share them here.
class PolicyBook {
 public:
  // Null: none.
  Result<std::shared_ptr<const Policies>> read(const settings::Policies* from);

 private:
  std::unordered_map<const settings::Policies*, std::shared_ptr<const Policies>> known_;
};

}  // namespace cardea::l7::policy
