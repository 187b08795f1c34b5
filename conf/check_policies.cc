// Checks of policies, of services and of routes.
#include <algorithm>
#include <array>
#include <utility>

#include "base/limit_key.h"
#include "base/template.h"
#include "conf/check_parts.h"
#include "conf/policies.h"

namespace cardea::conf {
namespace {

using settings::CompressionT;
using settings::HeaderEditsT;

std::string in_small_letters(std::string name) {
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c;
  return name;
}

std::string small_name(const std::string& line) {
  return in_small_letters(line.substr(0, line.find(':')));
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
  const settings::AccessT& is = *access;
  const bool by_network = !is.allow.empty() || !is.deny.empty() || !is.allow_files.empty() || !is.deny_files.empty();
  if (!by_network && !names_countries(is) && !names_as_numbers(is) && is.deny_ja4.empty())
    checks.report(Finding::warning, path, "everybody may ask", "allow, deny, files of networks, or countries");
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

std::string or_else(const std::string& written, const char* unset) {
  return written.empty() ? unset : written;
}

// What two of them read no request could have both of.
void check_identities(Checks& checks, const settings::PoliciesT& merged, const std::string& path) {
  std::vector<std::array<std::string, 3>> read;  // the header, what stands in it, whose setting says so
  if (merged.basic_auth) read.push_back({"Authorization", "a password", "basic_auth"});
  if (merged.api_keys) read.push_back({or_else(merged.api_keys->header, "X-API-Key"), "a key", "api_keys"});
  if (merged.jwt && merged.jwt->cookie.empty()) read.push_back({or_else(merged.jwt->header, "Authorization"), "a token", "jwt"});
  for (size_t i = 0; i < read.size(); ++i)
    for (size_t k = i + 1; k < read.size(); ++k)
      if (in_small_letters(read[i][0]) == in_small_letters(read[k][0]))
        checks.report(Finding::error, join_path(path, read[k][2]),
                      fmt::format("{} holds {} or {}, and both are asked for", read[k][0], read[i][1], read[k][1]),
                      read[k][2] == "jwt" ? "another header, a cookie, or enabled = false" : "another header, or enabled = false");
}

// Whether somebody says what this variable stands for; of those that say who a client is.
bool is_known(const Variable& variable, const settings::PoliciesT& asked) {
  if (variable.id == VariableId::kJwtClaim) return asked.jwt != nullptr;
  if (variable.id == VariableId::kApiKey) return asked.api_keys != nullptr;
  const bool told = asked.forward_auth && !asked.forward_auth->user_header.empty();
  return variable.id != VariableId::kUser || asked.jwt || asked.api_keys || asked.basic_auth || told;
}

// A key that comes out empty limits nobody.
bool limits_nobody(const settings::RateLimitT& limit, const settings::PoliciesT& asked) {
  const auto key = Template::parse(limit.key, Moment::kRequest);
  return key && !limit.key.empty() && std::ranges::all_of(key->pieces(), [&asked](const Template::Piece& piece) {
    return piece.text.empty() && piece.variable.id != VariableId::kNone && !is_known(piece.variable, asked);
  });
}

// `asked`: altogether of the clients that these limits are for.
void check_limits_of_nobody(Checks& checks, const std::vector<std::string>& limits, const settings::PoliciesT& asked,
                            const std::string& path) {
  for (size_t i = 0; i < limits.size(); ++i) {
    const auto& all = checks.config.rate_limits;
    const auto limit = std::ranges::find(all, limits[i], &settings::RateLimitT::name);
    if (limit != all.end() && limits_nobody(*limit, asked))
      checks.report(Finding::warning, index_path(path + ".rate_limits", i),
                    fmt::format("limits nobody: it counts by {}, and nobody is asked who it is", limit->key),
                    "jwt, basic_auth, api_keys or forward_auth's user_header, by what it counts");
  }
}

// Whoever connects may say that it speaks for another.
void check_proxies(Checks& checks, const settings::TrustedProxiesT* proxies, const std::string& path) {
  if (proxies == nullptr) return;
  for (size_t i = 0; i < proxies->from.size(); ++i)
    if (proxies->from[i].ends_with("/0"))
      checks.report(Finding::warning, index_path(path + ".from", i),
                    fmt::format("{} is everybody: each client says by itself what its address is", proxies->from[i]),
                    "the networks of the proxies");
}

void check_compression(Checks& checks, const CompressionT* compress, const std::string& path) {
  if (compress == nullptr) return;
  Unique encodings(checks, "encoding");
  for (size_t i = 0; i < compress->encodings.size(); ++i)
    encodings.add(compress->encodings[i], index_path(path + ".encodings", i));
}

}  // namespace

void check_forward_auth(Checks& checks, const settings::ForwardAuthT* auth, const Names& pools, const std::string& path) {
  if (auth == nullptr || !auth->enabled) return;
  if (auth->pool.empty())
    checks.report(Finding::error, path + ".pool", "\"pool\" is missing: nobody could be asked",
                  "the pool of the service that says who may pass");
  check_reference(checks, auth->pool, pools, "pool", path + ".pool");
  const bool remembers = auth->cache_ms != 0 || auth->cache_refusals_ms != 0;
  if (!auth->cache_key.empty() && !remembers)
    checks.report(Finding::warning, path + ".cache_key",
                  "nothing is remembered that would go by it; only requests under way share an answer by it", "cache");
  if (auth->when_away == settings::WhenAway::pass)
    checks.report(Finding::warning, path + ".when_away", "while that service is away everybody passes", "\"refuse\"");
}

void check_mirror(Checks& checks, const settings::MirrorT* mirror, const Names& pools, const std::string& path) {
  if (mirror == nullptr || !mirror->enabled) return;
  if (mirror->pool.empty())
    checks.report(Finding::error, path + ".pool", "\"pool\" is missing: nobody would get the copies", "the pool that gets them");
  check_reference(checks, mirror->pool, pools, "pool", path + ".pool");
}

void check_mirrored(Checks& checks, const settings::PoliciesT& service, const Route& route) {
  const settings::MirrorT* const mirror = route.policies.mirror ? route.policies.mirror.get() : service.mirror.get();
  if (mirror == nullptr || !mirror->enabled || mirror->pool.empty()) return;
  const bool own = route.pool == mirror->pool || std::ranges::find(route.split, mirror->pool, &Share::pool) != route.split.end();
  if (own)
    checks.report(Finding::warning, route.place.path + (route.policies.mirror ? ".mirror.pool" : ".pool"),
                  fmt::format("the pool \"{}\" gets each request of the route, and a copy of it", mirror->pool), "another pool for the copies");
}

// Whoever could have others refused could have them blocked.
void check_block(Checks& checks, const settings::RateLimitT& limit, const std::string& path) {
  if (limit.block_ms == 0) return;
  const auto key = Template::parse(limit.key, Moment::kRequest);
  if (key && !goes_by_address(*key))
    checks.report(Finding::error, path, "only an address can be blocked, and this limit goes by something else", "a limit without `key`");
  if (!checks.config.dataplane)
    checks.report(Finding::warning, path, "nobody is blocked: there is no dataplane that could", "a dataplane section");
}

void check_rate_limits(Checks& checks) {
  Unique names(checks, "rate limit name");
  for (size_t i = 0; i < checks.config.rate_limits.size(); ++i) {
    const std::string& name = checks.config.rate_limits[i].name;
    if (!name.empty()) names.add(in_quotes(name), index_path("rate_limits", i) + ".name");
    const settings::RateLimitT& limit = checks.config.rate_limits[i];
    if (limit.requests + limit.request_bytes + limit.response_bytes + limit.connections + limit.concurrent == 0)
      checks.report(Finding::error, index_path("rate_limits", i), "nothing is limited",
                    "requests, request_bytes, response_bytes, connections or concurrent");
    check_block(checks, limit, index_path("rate_limits", i) + ".block_for");
  }
}

void check_merged(Checks& checks, const settings::PoliciesT& service, const settings::PoliciesT& route, const std::string& path) {
  check_identities(checks, merged(service, route), path);
}

// A service's own limits are for all its routes: some may ask who it is.
void check_limits_by_identity(Checks& checks, const Service& service) {
  settings::PoliciesT anywhere = merged(service.policies, {});
  for (const Route& route : service.routes) {
    settings::PoliciesT here = merged(service.policies, route.policies);
    check_limits_of_nobody(checks, route.policies.rate_limits, here, route.place.path);
    if (here.jwt) anywhere.jwt = std::move(here.jwt);
    if (here.api_keys) anywhere.api_keys = std::move(here.api_keys);
    if (here.basic_auth) anywhere.basic_auth = std::move(here.basic_auth);
    if (here.forward_auth) anywhere.forward_auth = std::move(here.forward_auth);
  }
  check_limits_of_nobody(checks, service.policies.rate_limits, anywhere, service.place.path);
}

void check_policies(Checks& checks, const settings::PoliciesT& policies, const Names& rate_limits, const std::string& path) {
  check_header_edits(checks, policies.request_headers.get(), path + ".request_headers");
  check_header_edits(checks, policies.response_headers.get(), path + ".response_headers");
  check_limits(checks, policies.rate_limits, rate_limits, path + ".rate_limits");
  check_access(checks, policies.access.get(), path + ".access");
  check_geo(checks, policies, path);
  check_proxies(checks, policies.trusted_proxies.get(), path + ".trusted_proxies");
  check_cors(checks, policies.cors.get(), path + ".cors");
  check_api_keys(checks, policies.api_keys.get(), path + ".api_keys");
  check_jwt(checks, policies.jwt.get(), path + ".jwt");
  check_compression(checks, policies.compress.get(), path + ".compress");
}

}  // namespace cardea::conf
