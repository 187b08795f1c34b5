// What is done with the exchanges of a route, or of a service where no route matches, beside routing them: settings
// (base/policies.fbs) as they came, and what was made of them once.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/policies_generated.h"
#include "l7/compress/settings.h"
#include "l7/policy/access.h"
#include "l7/policy/api_keys.h"
#include "l7/policy/basic_auth.h"
#include "l7/policy/cors.h"
#include "l7/policy/error_pages.h"
#include "l7/policy/file_book.h"
#include "l7/policy/forward_auth.h"
#include "l7/policy/header_rules.h"
#include "l7/policy/mirror.h"
#include "l7/policy/rate_limit.h"
#include "l7/policy/trusted_proxies.h"
#include "l7/policy/waf.h"

namespace cardea::l7::policy {

struct Policies {
  HeaderRules request_headers, response_headers;
  TrustedProxies trusted_proxies;
  Access access;
  RateLimits rate_limits;
  Cors cors;
  BasicAuth basic_auth;
  ApiKeys api_keys;
  std::shared_ptr<const Jwt> jwt;  // null: no token is asked for
  std::shared_ptr<const ForwardAuth> forward_auth;  // null: no other service is asked
  std::shared_ptr<const Waf> waf;  // null: nothing is inspected
  std::shared_ptr<const Mirror> mirror;  // null: nobody gets copies
  bool forwarded = false;       // backends are told of the request's way by RFC 7239's header too
  uint64_t buffered_bytes = 0;  // of a request's body, that are waited for before a backend is chosen; 0: none
  ErrorPages error_pages;
  std::string early_hints;  // lines of a head; empty: none
  compress::Settings compression;

  // Whether a request has anybody to pass before it is answered.
  bool guards() const { return access.limits() || !rate_limits.empty() || !cors.empty() || identifies(); }
  bool identifies() const { return basic_auth.users || jwt || api_keys.keys || forward_auth; }

  // But for those that PolicyBook adds.
  static Result<std::shared_ptr<Policies>> read(const settings::PoliciesT& from, const RateLimits& limits, FileBook& files);
  static std::shared_ptr<const Policies> none();
};

// Those of one plan: routes that share theirs in the image share them here.
class PolicyBook {
 public:
  PolicyBook() = default;
  PolicyBook(RateLimits limits, PoolNumbers pools, std::shared_ptr<const Geo> geo)
      : limits_(std::move(limits)), pools_(std::move(pools)), files_(std::move(geo)) {}

  // Null: none.
  Result<std::shared_ptr<const Policies>> read(const settings::Policies* from);
  // Of rule files, that those which were read name.
  std::vector<std::vector<std::string>> waf_sets() const;

 private:
  Result<> add_forward_auth(Policies& to, const settings::PoliciesT& written);
  Result<> add_mirror(Policies& to, const settings::PoliciesT& written) const;

  RateLimits limits_;
  PoolNumbers pools_;
  FileBook files_;
  std::map<uint64_t, std::vector<std::string>> waf_sets_;
  std::map<std::string, std::shared_ptr<const ForwardAuth>> asked_;  // by their settings: those of equal ones remember for all
  std::unordered_map<const settings::Policies*, std::shared_ptr<const Policies>> known_;
};

}  // namespace cardea::l7::policy
