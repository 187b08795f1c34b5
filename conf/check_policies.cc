// Checks of policies, of services and of routes.
#include <algorithm>

#include "conf/check_parts.h"
#include "conf/policies.h"

namespace cardea::conf {
namespace {

using settings::CompressionT;
using settings::HeaderEditsT;

std::string small_name(const std::string& line) {
  std::string name = line.substr(0, line.find(':'));
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c;
  return name;
}

void check_header_edits(Checks& checks, const HeaderEditsT* edits, const std::string& path) {
  if (edits == nullptr) return;
  Unique names(checks, "header");
  for (size_t i = 0; i < edits->set.size(); ++i) names.add(small_name(edits->set[i]), index_path(path + ".set", i));
  if (edits->set.empty() && edits->add.empty() && edits->if_absent.empty() && edits->remove.empty())
    checks.report(Finding::warning, path, "nothing is changed", "set, add, if_absent or remove");
}

void check_cors(Checks& checks, const settings::CorsT* cors, const std::string& path) {
  if (cors == nullptr || !cors->credentials || std::ranges::find(cors->origins, "*") == cors->origins.end()) return;
  checks.report(Finding::error, path + ".credentials", "cannot be had with the origin \"*\": any site could act for its users",
                "the origins by name");
}

void check_access(Checks& checks, const settings::AccessT* access, const std::string& path) {
  if (access == nullptr) return;
  if (access->allow.empty() && access->deny.empty() && access->allow_files.empty() && access->deny_files.empty())
    checks.report(Finding::warning, path, "everybody may ask", "allow, deny or files of networks");
}

void check_limits(Checks& checks, const std::vector<std::string>& limits, const Names& known, const std::string& path) {
  for (size_t i = 0; i < limits.size(); ++i)
    check_reference(checks, limits[i], known, "rate_limit", index_path(path, i));
}

void check_jwt(Checks& checks, const settings::JwtT* jwt, const std::string& path) {
  if (jwt == nullptr || !jwt->enabled) return;
  if (jwt->jwks.empty() && jwt->public_keys.empty() && jwt->secret.empty())
    checks.report(Finding::error, path, "no token could be verified", "jwks, public_keys or secret");
  if (!jwt->header.empty() && !jwt->cookie.empty())
    checks.report(Finding::error, path + ".cookie", "a token stands in a header or in a cookie", "one of the two");
  if (jwt->audiences.empty())
    checks.report(Finding::warning, path, "a token that its issuer gave for another site is good here too", "audiences");
}

void check_api_keys(Checks& checks, const settings::ApiKeysT* keys, const std::string& path) {
  if (keys != nullptr && keys->enabled && keys->file.empty())
    checks.report(Finding::error, path, "there is no key that anybody could have", "file");
}

// By what both read no request could have both.
void check_identities(Checks& checks, const settings::PoliciesT& merged, const std::string& path) {
  if (merged.basic_auth && merged.jwt && merged.jwt->header.empty() && merged.jwt->cookie.empty())
    checks.report(Finding::error, path + ".jwt", "Authorization holds a password or a token, and both are asked for",
                  "another header, a cookie, or enabled = false");
}

void check_compression(Checks& checks, const CompressionT* compress, const std::string& path) {
  if (compress == nullptr) return;
  Unique encodings(checks, "encoding");
  for (size_t i = 0; i < compress->encodings.size(); ++i)
    encodings.add(compress->encodings[i], index_path(path + ".encodings", i));
}

}  // namespace

void check_rate_limits(Checks& checks) {
  Unique names(checks, "rate limit name");
  for (size_t i = 0; i < checks.config.rate_limits.size(); ++i) {
    const std::string& name = checks.config.rate_limits[i].name;
    if (!name.empty()) names.add(in_quotes(name), index_path("rate_limits", i) + ".name");
    const settings::RateLimitT& limit = checks.config.rate_limits[i];
    if (limit.requests == 0 && limit.concurrent == 0)
      checks.report(Finding::error, index_path("rate_limits", i), "nothing is limited", "requests or concurrent");
  }
}

void check_merged(Checks& checks, const settings::PoliciesT& service, const settings::PoliciesT& route, const std::string& path) {
  check_identities(checks, merged(service, route), path);
}

void check_policies(Checks& checks, const settings::PoliciesT& policies, const Names& rate_limits, const std::string& path) {
  check_header_edits(checks, policies.request_headers.get(), path + ".request_headers");
  check_header_edits(checks, policies.response_headers.get(), path + ".response_headers");
  check_limits(checks, policies.rate_limits, rate_limits, path + ".rate_limits");
  check_access(checks, policies.access.get(), path + ".access");
  check_cors(checks, policies.cors.get(), path + ".cors");
  check_api_keys(checks, policies.api_keys.get(), path + ".api_keys");
  check_jwt(checks, policies.jwt.get(), path + ".jwt");
  check_compression(checks, policies.compress.get(), path + ".compress");
}

}  // namespace cardea::conf
