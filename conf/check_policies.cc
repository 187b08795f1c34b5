// Checks of policies, of services and of routes.
#include <strings.h>

#include "conf/check_parts.h"

namespace cardea::conf {
namespace {

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

}  // namespace

void check_policies(Checks& checks, const settings::PoliciesT& policies, const std::string& path) {
  check_header_edits(checks, policies.request_headers.get(), path + ".request_headers");
  check_header_edits(checks, policies.response_headers.get(), path + ".response_headers");
}

}  // namespace cardea::conf
