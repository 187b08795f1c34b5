// Which other sites' pages may ask (settings.Cors): the CORS protocol of the Fetch standard (3.2), as lines of heads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/policies_generated.h"

namespace cardea::l7::policy {

class Cors {
 public:
  Cors() = default;  // says nothing of it
  static Result<Cors> read(const settings::CorsT& from);

  bool empty() const { return origins_.empty(); }
  // As a browser sends it: a scheme, a host and a port where it is not the scheme's own; or "null".
  bool allows(std::string_view origin) const;
  bool allows_any() const { return any_; }
  bool mirrors_headers() const { return any_header_; }

  // Lines with their CR LF, beside the Access-Control-Allow-Origin of one that is allowed.
  const std::string& of_responses() const { return of_responses_; }
  const std::string& of_preflights() const { return of_preflights_; }

 private:
  std::vector<std::string> origins_;
  bool any_ = false, any_header_ = false;
  std::string of_responses_, of_preflights_;
};

// What a backend may say of it, and what is said here in its place.
inline constexpr std::string_view kCorsHeaders[] = {
    "Access-Control-Allow-Origin",  "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers",
    "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",     "Access-Control-Max-Age"};

}  // namespace cardea::l7::policy
