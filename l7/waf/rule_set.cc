#include "l7/waf/rule_set.h"

#include <glob.h>
#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>

#include <algorithm>
#include <vector>

namespace cardea::l7::waf {
namespace {

// Before the files: what modsecurity.conf-recommended says of bodies, but for limits, which are ours (caps.h, and what a
// question may have). Nothing is written anywhere.
constexpr const char* kBefore = R"(
SecRuleEngine On
SecRequestBodyAccess On
SecResponseBodyAccess On
SecResponseBodyMimeType null
SecRequestBodyLimit 67108864
SecRequestBodyNoFilesLimit 67108864
SecRequestBodyLimitAction Reject
SecResponseBodyLimit 67108864
SecResponseBodyLimitAction ProcessPartial
SecRequestBodyJsonDepthLimit 64
SecAuditEngine Off
SecTmpSaveUploadedFiles Off
SecUploadKeepFiles Off
SecArgumentSeparator &
SecCookieFormat 0
SecStatusEngine Off
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "^application/[a-z0-9.-]+\+json" "id:200006,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,t:none,log,deny,status:400,msg:'Request body could not be parsed'"
SecRule MULTIPART_STRICT_ERROR "!@eq 0" "id:200003,phase:2,t:none,log,deny,status:400,msg:'Multipart body is not strict'"
)";

// Behind them: collections that all requests write to, which 3.0.9 reads without a lock, are kept by no worker; and what
// needs them.
constexpr const char* kBehind = R"(
SecRuleRemoveById 901321
SecRuleRemoveById 910000-910999
SecRuleRemoveById 912000-912999
)";

// Its messages have line ends and blanks in front.
std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](unsigned char c) { return c < ' '; }, ' ');
  const size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "the engine does not say why" : text.substr(begin, 600);
}

// In the order of their names, as Include has them.
std::vector<std::string> names_of(const std::string& pattern) {
  std::vector<std::string> names;
  glob_t found{};
  if (::glob(pattern.c_str(), GLOB_ERR, nullptr, &found) == 0) names.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  return names;
}

}  // namespace

modsecurity::ModSecurity& engine() {
  static modsecurity::ModSecurity* const engine = [] {
    auto* made = new modsecurity::ModSecurity;
    made->setConnectorInformation("cardea-waf");
    return made;
  }();
  return *engine;
}

LoadedRules load_rules(std::span<const std::string> files) {
  engine();
  const auto rules = std::make_shared<modsecurity::RulesSet>();
  const auto refused = [&](const std::string& what) { return LoadedRules{{}, what + ": " + one_line(rules->getParserError())}; };
  const char* const ours = "cardea-waf's own rules";
  if (rules->load(kBefore, ours) < 0) return refused(ours);
  for (const std::string& pattern : files) {
    const std::vector<std::string> names = names_of(pattern);
    if (names.empty()) return {{}, pattern + ": no such file"};
    for (const std::string& name : names)
      if (rules->loadFromUri(name.c_str()) < 0) return refused(name);
  }
  if (rules->load(kBehind, ours) < 0) return refused(ours);
  return {rules, {}};
}

}  // namespace cardea::l7::waf
