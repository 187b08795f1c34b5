#include "conf/policies.h"

#include <strings.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace cardea::conf {
namespace {

using settings::CompressionT;
using settings::HeaderEditsT;

std::string_view name_of(const std::string& line) {
  return std::string_view(line).substr(0, line.find(':'));
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// Whether these edits leave nothing of a name but what they set.
bool decide(const HeaderEditsT& edits, std::string_view name) {
  const auto is_it = [name](const std::string& line) { return same_name(name_of(line), name); };
  return std::ranges::any_of(edits.set, is_it) || std::ranges::any_of(edits.remove, is_it);
}

// The service's lines that stand, and the route's behind them.
std::vector<std::string> both(const std::vector<std::string>& service, const HeaderEditsT& route,
                              const std::vector<std::string>& own) {
  std::vector<std::string> lines;
  for (const std::string& line : service)
    if (!decide(route, name_of(line))) lines.push_back(line);
  lines.insert(lines.end(), own.begin(), own.end());
  return lines;
}

std::unique_ptr<HeaderEditsT> merged_edits(const std::unique_ptr<HeaderEditsT>& service,
                                           const std::unique_ptr<HeaderEditsT>& route) {
  if (!service && !route) return nullptr;
  if (!service || !route) return std::make_unique<HeaderEditsT>(service ? *service : *route);
  auto to = std::make_unique<HeaderEditsT>();
  to->set = both(service->set, *route, route->set);
  to->add = both(service->add, *route, route->add);
  to->if_absent = both(service->if_absent, *route, route->if_absent);
  to->remove = both(service->remove, *route, route->remove);
  return to;
}

// The route's, where it has one.
template <typename Policy>
std::unique_ptr<Policy> own_or(const std::unique_ptr<Policy>& own, const std::unique_ptr<Policy>& services) {
  const Policy* const either = own ? own.get() : services.get();
  return either == nullptr ? nullptr : std::make_unique<Policy>(*either);
}

std::vector<std::string> both_of(std::vector<std::string> names, const std::vector<std::string>& more) {
  for (const std::string& name : more)
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  return names;
}

// The route's where it has one; with what is usual where nothing is said. Null: off.
std::unique_ptr<CompressionT> merged_compression(const std::unique_ptr<CompressionT>& service,
                                                 const std::unique_ptr<CompressionT>& route) {
  const CompressionT* const from = route ? route.get() : service.get();
  if (from == nullptr || !from->enabled) return nullptr;
  auto to = std::make_unique<CompressionT>(*from);
  if (to->encodings.empty()) to->encodings = usual_encodings();
  if (to->types.empty()) to->types = usual_compressed_types();
  return to;
}

}  // namespace

const std::vector<std::string>& usual_encodings() {
  static const std::vector<std::string> encodings = {"br", "zstd", "gzip"};
  return encodings;
}

const std::vector<std::string>& usual_compressed_types() {
  static const std::vector<std::string> types = {
      "text/*",          "application/javascript", "application/json",     "application/xml", "application/wasm",
      "*+json",          "*+xml",                  "application/x-ndjson", "font/ttf",        "font/otf",
      "application/rtf", "application/vnd.ms-fontobject"};
  return types;
}

settings::PoliciesT merged(const settings::PoliciesT& service, const settings::PoliciesT& route) {
  settings::PoliciesT to;
  to.request_headers = merged_edits(service.request_headers, route.request_headers);
  to.response_headers = merged_edits(service.response_headers, route.response_headers);
  to.trusted_proxies = own_or(route.trusted_proxies, service.trusted_proxies);
  to.forwarded = route.forwarded != settings::Forwarded::inherit ? route.forwarded : service.forwarded;
  to.security_headers = route.security_headers != settings::SecurityHeaders::inherit ? route.security_headers
                                                                                  : service.security_headers;
  to.rate_limits = both_of(service.rate_limits, route.rate_limits);
  to.access = own_or(route.access, service.access);
  to.cors = own_or(route.cors, service.cors);
  to.basic_auth = own_or(route.basic_auth, service.basic_auth);
  to.jwt = own_or(route.jwt, service.jwt);
  if (to.jwt && !to.jwt->enabled) to.jwt = nullptr;
  to.api_keys = own_or(route.api_keys, service.api_keys);
  if (to.api_keys && !to.api_keys->enabled) to.api_keys = nullptr;
  to.forward_auth = own_or(route.forward_auth, service.forward_auth);
  if (to.forward_auth && !to.forward_auth->enabled) to.forward_auth = nullptr;
  to.waf = own_or(route.waf, service.waf);
  if (to.waf && !to.waf->enabled) to.waf = nullptr;
  to.mirror = own_or(route.mirror, service.mirror);
  if (to.mirror && !to.mirror->enabled) to.mirror = nullptr;
  to.request_buffering = own_or(route.request_buffering, service.request_buffering);
  if (to.request_buffering && !to.request_buffering->enabled) to.request_buffering = nullptr;
  for (const auto* pages : {&route.error_pages, &service.error_pages})
    for (const auto& page : *pages) to.error_pages.push_back(std::make_unique<settings::ErrorPageT>(*page));
  to.early_hints = route.early_hints.empty() ? service.early_hints : route.early_hints;
  to.compress = merged_compression(service.compress, route.compress);
  return to;
}

}  // namespace cardea::conf
