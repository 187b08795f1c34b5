// Checks of policies, of services and of routes.
#include <algorithm>

#include "conf/check_parts.h"

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
  }
}

void check_policies(Checks& checks, const settings::PoliciesT& policies, const Names& rate_limits, const std::string& path) {
  check_header_edits(checks, policies.request_headers.get(), path + ".request_headers");
  check_header_edits(checks, policies.response_headers.get(), path + ".response_headers");
  check_limits(checks, policies.rate_limits, rate_limits, path + ".rate_limits");
  check_access(checks, policies.access.get(), path + ".access");
  check_cors(checks, policies.cors.get(), path + ".cors");
  check_compression(checks, policies.compress.get(), path + ".compress");
}

}  // namespace cardea::conf
